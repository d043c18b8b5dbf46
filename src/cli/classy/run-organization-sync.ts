import { randomUUID } from 'node:crypto';
import { WorkflowFailedError } from '@temporalio/client';
import type {
  OrganizationSyncInput,
  OrganizationSyncMode,
  OrganizationSyncOutcome,
  ResourceScope,
} from '../../contract/organization-sync.js';
import { organizationSyncWorkflowId } from '../../contract/workflow-ids.js';
import { CliError, ExitCode } from '../exit.js';
import { showTime } from '../output.js';
import type { Session } from '../session.js';
import { unlessInterrupted } from '../sync/follow.js';
import { startOrWait } from '../sync/start-or-wait.js';
import { chosenOrganizations } from './organizations.js';
import { printOrganizationReport } from './print-report.js';
import { type Ended, reportOf } from './report.js';
import type { SyncOptions } from './sync-options.js';
import { runsSince, type Target, watchTargets } from './watch-organizations.js';

/** What is to be synced. */
export interface SyncRequest {
  resource: ResourceScope;
  mode: OrganizationSyncMode;
  /** All that are configured where undefined. */
  organization?: string | undefined;
}

/**
 * Syncs organizations side by side, follows them, prints what became of them and sets the exit code. Ctrl-C stops the following, not
 * the runs. @throws CliError where the only organization asked for is unknown or has such a run already
 */
export async function runOrganizationSync(
  session: Session,
  { resource, mode, organization }: SyncRequest,
  { dryRun, confirmMissing, wait, json }: SyncOptions,
): Promise<void> {
  if (confirmMissing && mode !== 'full')
    throw new CliError(
      '--confirm-missing goes with a full sync: an incremental one does not look for what is gone.',
      ExitCode.Usage,
    );
  const organizations = await chosenOrganizations(session, organization);
  const targets = organizations.map(({ id }): Target => {
    const flags = { ...(dryRun ? { dryRun } : {}), ...(confirmMissing ? { confirmMissing } : {}) };
    return {
      input: { organization: id, resource, mode, run: randomUUID(), by: 'command', ...flags },
      scope: `${id}/${resource}`,
    };
  });
  const work = async (): Promise<Ended[]> => {
    const isAlone = targets.length === 1;
    const all = Promise.all(targets.map((target) => endOf(session, target, wait, isAlone)));
    await watchTargets(session, targets, { json, until: all });
    return all;
  };
  const ended = await unlessInterrupted(work(), () => wordsAtCtrlC(session, targets));
  const report = await reportOf(session, { resource, mode, dryRun }, ended);
  printOrganizationReport(report, { json });
}

/** Starts a run and waits for its end. One of several that cannot be started, or is lost sight of, is no error of the others. */
async function endOf(session: Session, target: Target, wait: boolean, isAlone: boolean): Promise<Ended> {
  const { organization } = target.input;
  try {
    return { organization, outcome: await outcomeOf(session, target, wait) };
  } catch (error) {
    if (isAlone || !(error instanceof CliError)) throw error;
    return { organization, problem: error };
  }
}

async function outcomeOf(session: Session, target: Target, wait: boolean): Promise<OrganizationSyncOutcome> {
  const { client, starter, ledger } = session;
  const { input, scope } = target;
  const handle = await startOrWait({
    client,
    start: async () => {
      target.since = await ledger.walks.now();
      return starter.startOrganizationSync(input);
    },
    workflowId: workflowIdOf(target),
    scope,
    running: () => wordsOfRunning(session, input),
    wait,
    onWait: (which) => {
      target.waitsFor = which;
    },
  });
  delete target.waitsFor;
  target.startedAt = Date.now();
  try {
    return await handle.result();
  } catch (error) {
    if (!(error instanceof WorkflowFailedError))
      throw new CliError(
        `Lost sight of ${scope}: ${error instanceof Error ? error.message : error}. It goes on once Temporal answers. See: steward organization runs ${input.organization}`,
      );
    const noted = await ledger.organizationRuns.find(input.run);
    const message = noted?.message ?? error.cause?.message ?? error.message;
    const outcome = { run: input.run, resource: input.resource, result: 'failed', message } as const;
    return input.resource === 'all' ? { ...outcome, runs: await childrenOf(session, target) } : outcome;
  }
}

/** The runs of a sync of everything that did not come to its end. */
async function childrenOf(session: Session, target: Target): Promise<OrganizationSyncOutcome[]> {
  const runs = await runsSince(session, target);
  return runs.map(({ id, resource, result, message }) => ({
    run: id,
    resource: resource as ResourceScope,
    result: (result ?? 'failed') as OrganizationSyncOutcome['result'],
    ...(message === null ? {} : { message }),
  }));
}

async function wordsOfRunning(
  { ledger }: Session,
  { organization, resource }: OrganizationSyncInput,
): Promise<string | undefined> {
  const running = await ledger.organizationRuns.running(organization, resource);
  if (!running) return undefined;
  const of = resource === 'all' ? `, at ${running.resource}:` : '';
  return `workflow ${organizationSyncWorkflowId(organization, resource)}${of === '' ? ',' : of} ${running.mode} ${running.id}, since ${showTime(running.startedAt)}, ${running.phase}`;
}

const workflowIdOf = ({ input: { organization, resource } }: Target): string =>
  organizationSyncWorkflowId(organization, resource);

function wordsAtCtrlC({ run }: Session, targets: readonly Target[]): string {
  const started = targets.filter(({ startedAt }) => startedAt !== undefined);
  const looked = started.length > 0 ? started : targets;
  const webUi = run?.temporalUiUrl ? ` at ${run.temporalUiUrl}` : '';
  const shows = looked.map(({ input }) => `steward organization runs ${input.organization}`).join(', ');
  const look = `Look at it: ${shows}, or workflow ${looked.map(workflowIdOf).join(', ')} in the Temporal Web UI${webUi}.`;
  return started.length > 0
    ? `Stopped waiting; what was started goes on. ${look} To end it, cancel that workflow.`
    : `Stopped waiting; nothing was started, and what runs goes on. ${look}`;
}
