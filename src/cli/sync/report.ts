import type { SiteSyncInput, SyncOutcome } from '../../contract/site-sync.js';
import { NO_COUNTS, type SyncCounts, type SyncRun } from '../../ledger/runs.js';
import type { Session } from '../session.js';
import { applied, type Person, pagesOf, planned, pushed } from './people.js';
import { type Estimate, estimateOf } from './plan.js';

/** What a run prints; the first seven are of all syncs (interfaces.md). */
export interface SyncReport {
  run: string;
  scope: string;
  mode: string;
  result: string;
  counts: SyncCounts;
  /** The plan that it left. */
  plan?: string;
  seconds: number;
  message: string | null;
  dryRun: boolean;
  leftAloneBy: Record<string, number>;
  /** What its plan takes. */
  estimate?: Estimate;
  /** The plan that it carried out, and how many of its lines no longer held. */
  applied?: string;
  skipped?: number;
  /** Only with --verbose: they are addresses. */
  people?: Person[];
}

/** Outcomes of pushes that are no work done and no failure. */
const LEFT_ALONE = ['opted-out', 'withheld', 'kept', 'returned-unsigned', 'skipped'];

/** What became of a run; a run that did not even begin has zeroes. */
export async function reportOf(
  session: Session,
  input: Pick<SiteSyncInput, 'site' | 'mode' | 'plan' | 'dryRun'>,
  { run: id, result, message }: SyncOutcome,
): Promise<SyncReport> {
  const { ledger, config } = session;
  const run = await ledger.runs.find(id);
  const base = { run: id, scope: input.site, mode: input.mode, result, dryRun: input.dryRun ?? false };
  if (!run) return { ...base, counts: NO_COUNTS, seconds: 0, message: message ?? null, leftAloneBy: {} };
  const counts = { ...NO_COUNTS, ...(run.counts as SyncCounts | null) };
  return {
    ...base,
    counts,
    ...(run.planId === null || run.mode === 'apply' ? {} : { plan: run.planId }),
    seconds: ((run.endedAt ?? new Date()).getTime() - run.startedAt.getTime()) / 1000,
    message: run.message ?? message ?? null,
    leftAloneBy: leftAloneBy(run, await ledger.outcomes.countOfRun(id)),
    ...(run.dryRun && run.planId !== null ? { estimate: estimateOf(counts, run, config) } : {}),
    ...(input.plan === undefined
      ? {}
      : { applied: input.plan, skipped: await ledger.outcomes.countSkipped(input.plan, id) }),
  };
}

/** How many were left alone, by reason: found when comparing, or told by the list. */
export function leftAloneBy(
  { findings }: Pick<SyncRun, 'findings'>,
  outcomes: Readonly<Record<string, number>>,
): Record<string, number> {
  const by: Record<string, number> = {};
  for (const [name, count] of Object.entries(findings as Record<string, number>))
    if (name.startsWith('leave:') && name !== 'leave:no-change') by[name.slice('leave:'.length)] = count;
  for (const outcome of LEFT_ALONE) if (outcomes[outcome]) by[outcome] = (by[outcome] ?? 0) + outcomes[outcome];
  return by;
}

/** The people of a run, page by page: of its plan, of the plan it carried out, or whom it pushed. */
export function peopleOf(session: Session, { run, plan, applied: source }: SyncReport) {
  if (source !== undefined) return applied(session, source, run);
  return plan === undefined ? pushed(session, run) : planned(session, plan);
}

/** All of them, for JSON. */
export async function allPeople(page: ReturnType<typeof peopleOf>): Promise<Person[]> {
  const all: Person[] = [];
  for await (const people of pagesOf(page)) all.push(...people);
  return all;
}
