import type { OrganizationSyncInput } from '../../contract/organization-sync.js';
import type { OrganizationRun } from '../../ledger/classy/organization-runs.js';
import type { Pause } from '../../ledger/sites.js';
import type { Session } from '../session.js';
import { follow, type Sight, UNTAKEN, UNTAKEN_MS } from '../sync/follow.js';
import { createPace } from '../sync/pace.js';

/** The run of one organization, and how far the command is with it. */
export interface Target {
  input: OrganizationSyncInput;
  scope: string;
  /** The ledger's time before it was started. */
  since?: Date;
  startedAt?: number;
  /** The run that has to end first. */
  waitsFor?: string;
}

/** Each of the four resources may have one of another run in between. */
const NEWEST_RUNS = 12;

/** Tells on standard error how far organizations are, resource by resource, until `until` settles. */
export async function watchTargets(
  session: Session,
  targets: readonly Target[],
  { json, until }: { json: boolean; until: Promise<unknown> },
): Promise<void> {
  const paces = new Map<string, ReturnType<typeof createPace>>();
  const paceOf = (run: string): ReturnType<typeof createPace> => {
    const pace = paces.get(run) ?? createPace();
    paces.set(run, pace);
    return pace;
  };
  const sightsOf = async (target: Target, pause: Pause | undefined): Promise<Sight[]> => {
    const { input, scope, startedAt, waitsFor } = target;
    const sight = (news: string): Sight[] => [{ id: input.run, news, line: news }];
    if (startedAt === undefined) return waitsFor === undefined ? [] : sight(`${scope}: waits for ${waitsFor}`);
    const runs = await runsSince(session, target);
    if (runs.length === 0) return Date.now() - startedAt < UNTAKEN_MS ? [] : sight(`${scope}: ${UNTAKEN}`);
    return runs.map((run): Sight => {
      const name = `${run.organization}/${run.resource}`;
      if (run.endedAt) return { id: run.id, news: `${name}: ${run.result}`, line: undefined };
      if (pause) {
        const words = `${name}: paused, goes on by itself: ${pause.message}`;
        return { id: run.id, news: words, line: words };
      }
      const done = run.read + run.expected === 0 ? undefined : run.read;
      const step = { phase: run.phase, done, total: run.expected };
      return { id: run.id, news: `${name}: ${run.phase}`, line: `${name}: ${paceOf(run.id)(step)}` };
    });
  };
  const look = async (): Promise<Sight[]> => {
    const organizations = await session.ledger.organizations.list();
    const pauses = new Map(organizations.map(({ id, pause }) => [id, pause]));
    const sights = await Promise.all(targets.map((target) => sightsOf(target, pauses.get(target.input.organization))));
    return sights.flat();
  };
  await follow(look, { json, until });
}

/** The runs of a target that have begun, oldest first: its own, or those of each resource. */
export async function runsSince({ ledger }: Session, { input, since }: Target): Promise<OrganizationRun[]> {
  if (input.resource !== 'all') {
    const run = await ledger.organizationRuns.find(input.run);
    return run ? [run] : [];
  }
  const newest = await ledger.organizationRuns.list({ organization: input.organization, limit: NEWEST_RUNS });
  const isOurs = ({ startedAt, startedBy, mode, dryRun }: OrganizationRun): boolean =>
    since !== undefined &&
    startedAt >= since &&
    startedBy === 'command' &&
    mode === input.mode &&
    dryRun === (input.dryRun ?? false);
  return newest.filter(isOurs).reverse();
}
