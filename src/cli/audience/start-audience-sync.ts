import type { AudienceSyncInput } from '../../contract/audience-sync.js';
import type { SyncRun } from '../../ledger/runs.js';
import type { OrganizationAudience } from '../processes/organization-audiences.js';
import type { Session } from '../session.js';
import { peopleCompared } from '../sync/plan.js';
import type { StartRun } from '../sync/run-sync.js';
import { FAST_ALREADY, fastIsIgnored, type PlanReach, wordsOfFirstSync } from './first-sync.js';

/** What is asked for of an audience. */
export type AskedOfAudience = Pick<AudienceSyncInput, 'mode' | 'dryRun' | 'limit' | 'plan' | 'fast'>;

/** Starts a run of an organization's audience. */
export const startAudienceSync =
  ({ starter }: Session, { audience, kind, organization }: OrganizationAudience, asked: AskedOfAudience): StartRun =>
  (how) =>
    starter.startAudienceSync({ audience, queue: kind.name, ...asked, ...how }, organization.id);

/** Says on standard error what is special about a run before it begins. */
export async function announce(
  { ledger }: Session,
  { audience, kind }: OrganizationAudience,
  { fast = false, limit, dryRun }: AskedOfAudience,
  plan?: SyncRun,
): Promise<void> {
  const { title } = kind;
  const isAdopted = await ledger.runs.isAdopted(audience);
  const { tagsStartAutomations } = kind.capabilities({ onRemoval: 'unsubscribe' });
  const tell = (words: string): void => void process.stderr.write(`${words}\n`);
  if (fast && !tagsStartAutomations) tell(fastIsIgnored(title));
  else if (fast && isAdopted) tell(FAST_ALREADY);
  if (!isAdopted && !dryRun)
    tell(wordsOfFirstSync({ audience, title, tagsStartAutomations, fast, limit, plan: plan && reachOf(plan) }));
}

function reachOf(plan: SyncRun): PlanReach {
  if (!plan.dryRun) return { of: 'removals' };
  return plan.untilId === null ? { of: 'everybody' } : { of: 'some', people: peopleCompared(plan) };
}
