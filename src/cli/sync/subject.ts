import type { Tagging } from '../../audiences/destination.js';
import { siteSyncWorkflowId } from '../../contract/workflow-ids.js';
import type { Session } from '../session.js';

/** How a destination is written to, as far as calls and time go. */
export interface WritingLimits {
  /** Its name for people. */
  title: string;
  /** Most people in one call. */
  batchSize: number;
  /** Most people whose tags are collected. */
  pageSize: number;
  callsAtOnce: number;
  /** Calls that are allowed; undefined: no limit is configured. */
  perMinute: number | undefined;
  /** Calls that taking one person off takes. */
  removalCalls: number;
  tagging: Tagging | undefined;
  /** Whether tags are to be given such that no automation starts, where a run is quiet. */
  tagsStartAutomations: boolean;
}

/** What is synced: a site's members with their list, or the audience of an organization. */
export interface SyncSubject {
  kind: 'site' | 'audience';
  /** As an operator calls it: a site's name, or an audience's id. */
  name: string;
  /** What its runs are filed under in the ledger. */
  filedUnder: string;
  workflowId: string;
  /** What becomes of somebody who should not be there. */
  removed: 'taken off the list' | 'unsubscribed' | 'archived';
  limits: WritingLimits;
}

const IMPORT_SIZE = 1_000;

/** A site, which need not be configured any more. */
export const siteSubject = ({ config: { rateLimits } }: Pick<Session, 'config'>, name: string): SyncSubject => ({
  kind: 'site',
  name,
  filedUnder: name,
  workflowId: siteSyncWorkflowId(name),
  removed: 'taken off the list',
  limits: {
    title: 'Campaign Monitor',
    batchSize: IMPORT_SIZE,
    pageSize: IMPORT_SIZE,
    callsAtOnce: 1,
    perMinute: rateLimits['campaign-monitor']?.perMinute,
    // source, list, delete and list again
    removalCalls: 4,
    tagging: undefined,
    tagsStartAutomations: false,
  },
});

const AUDIENCE_RUNS = 'organization/';

/** Whether runs filed under this are of an organization's audience. */
export const isOfAudience = (filedUnder: string): boolean => filedUnder.startsWith(AUDIENCE_RUNS);

/** The command that makes a new plan. */
export const dryRunCommand = ({ kind, name }: Pick<SyncSubject, 'kind' | 'name'>): string =>
  kind === 'site' ? `steward site sync ${name} --full --dry-run` : `steward audience sync ${name} --dry-run`;

/** The command that shows a plan. */
export const planCommand = ({ kind }: Pick<SyncSubject, 'kind'>, plan: string): string =>
  `steward ${kind} plan ${plan}`;

/** The command that carries a plan out. */
export const applyCommand = ({ kind }: Pick<SyncSubject, 'kind'>, plan: string): string =>
  `steward ${kind} apply ${plan}`;

/** The command that lists runs. */
export const runsCommand = ({ kind, name }: Pick<SyncSubject, 'kind' | 'name'>): string =>
  `steward ${kind} runs ${name}`;
