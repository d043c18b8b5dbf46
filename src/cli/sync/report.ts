import type { SyncOutcome } from '../../contract/site-sync.js';
import { type DeclineReason, nextStep } from '../../domain/decline-reason.js';
import type { ReasonCount } from '../../ledger/outcomes.js';
import { NO_COUNTS, type SyncCounts, type SyncRun } from '../../ledger/runs.js';
import type { LimitedPlan } from '../audience/first-sync.js';
import type { Session } from '../session.js';
import {
  type Actions,
  type Estimate,
  estimateOf,
  readPlannedTags,
  type TagCounts,
  type WithheldBy,
} from './estimate.js';
import { applied, type Person, pagesOf, planned, pushed } from './people.js';
import { peopleCompared } from './plan.js';
import type { SyncSubject } from './subject.js';

/** People with one outcome, and what somebody can do where a destination does not take them. */
export interface OutcomeCount extends ReasonCount {
  next?: string;
  /** What they are left alone as, where that is not the outcome. */
  leftAloneAs?: string;
}

/** What a plan takes, and what it does to tags. */
export interface PlanFigures {
  estimate: Estimate;
  /** What it would take if automations may start, where they are to be kept from it. */
  estimateFast?: Estimate;
  /** Where the destination has tags. */
  tags?: TagCounts;
  /** Of an audience: why those who are `withheld` are so. */
  withheldBy?: WithheldBy;
  /** Where only so many people were compared. */
  limited?: LimitedPlan;
}

/** What a run prints; the first seven are of all syncs (interfaces.md). */
export interface SyncReport extends Partial<PlanFigures> {
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
  /** Of audiences of organizations: nobody parks there, so reasons are told here. */
  outcomes?: OutcomeCount[];
  /** The plan that it carried out, and how many of its lines no longer held. */
  applied?: string;
  skipped?: number;
  /** Only with --verbose: they are addresses. */
  people?: Person[];
}

/** What was asked for. */
export interface Asked {
  mode: string;
  plan?: string | undefined;
  dryRun?: boolean | undefined;
}

/** Outcomes of pushes that are no work done and no failure. */
const LEFT_ALONE = ['opted-out', 'withheld', 'kept', 'returned-unsigned', 'skipped', 'declined'];

/** What became of a run; a run that did not even begin has zeroes. */
export async function reportOf(
  session: Session,
  subject: SyncSubject,
  { mode, plan, dryRun = false }: Asked,
  { run: id, result, message }: SyncOutcome,
): Promise<SyncReport> {
  const { ledger } = session;
  const run = await ledger.runs.find(id);
  const base = { run: id, scope: subject.name, mode: run?.mode ?? mode, result, dryRun };
  if (!run) return { ...base, counts: NO_COUNTS, seconds: 0, message: message ?? null, leftAloneBy: {} };
  const counts = { ...NO_COUNTS, ...(run.counts as SyncCounts | null) };
  const reasons = toldReasons(run, await ledger.outcomes.countByReason(id));
  return {
    ...base,
    counts,
    ...(run.planId === null || run.mode === 'apply' ? {} : { plan: run.planId }),
    seconds: ((run.endedAt ?? new Date()).getTime() - run.startedAt.getTime()) / 1000,
    message: run.message ?? message ?? null,
    leftAloneBy: leftAloneBy(run, reasons),
    ...(run.dryRun && run.planId !== null ? await planFigures(session, subject, run, counts) : {}),
    ...(subject.kind === 'audience' ? { outcomes: outcomesOf(reasons) } : {}),
    ...(plan === undefined ? {} : { applied: plan, skipped: await ledger.outcomes.countSkipped(plan, id) }),
  };
}

/** What the plan of a run takes, in the way in which it would be carried out. */
export async function planFigures(
  session: Session,
  { kind, limits }: SyncSubject,
  run: SyncRun,
  actions: Actions,
): Promise<PlanFigures> {
  if (kind === 'site') return { estimate: estimateOf(actions, run, limits) };
  const { tags, quiet, fast, withheldBy } = await readPlannedTags(pagesOf(planned(session, run.id)), limits);
  const estimateFast = estimateOf(actions, run, limits, fast);
  const isQuiet = run.quiet && limits.tagsStartAutomations;
  const limited = run.untilId === null ? undefined : await limitedPlan(session, run);
  return {
    ...(isQuiet ? { estimate: estimateOf(actions, run, limits, quiet), estimateFast } : { estimate: estimateFast }),
    ...(limits.tagging ? { tags } : {}),
    ...(withheldBy.consent + withheldBy.address > 0 ? { withheldBy } : {}),
    ...(limited ? { limited } : {}),
  };
}

const limitedPlan = async ({ ledger }: Session, run: SyncRun): Promise<LimitedPlan> => ({
  people: peopleCompared(run),
  firstSyncIsDue: !(await ledger.runs.isAdopted(run.audience)),
});

type ReasonOfRun = ReasonCount & { isEarlier: boolean };

/** What people whom MailChimp does not take for good are found as when they are compared again. */
const FOUND_AS: Readonly<Record<string, string>> = { forgotten: 'deleted-there' };

const foundAs = ({ outcome, reason }: ReasonCount): string => FOUND_AS[reason ?? ''] ?? outcome;

/**
 * The reasons of this run, and those of earlier ones as far as it is certain that it came upon just these people again: a run that
 * was stopped before tells nothing of them, and whoever is tried anew is told with what becomes of that.
 */
export function toldReasons(
  { findings }: Pick<SyncRun, 'findings'>,
  reasons: readonly ReasonOfRun[],
): (ReasonOfRun & { leftAloneAs?: string })[] {
  const found = findings as Record<string, number>;
  const again = reasons.filter(({ isEarlier, reason }) => isEarlier && reason !== 'too-many-sign-ups');
  return [
    ...reasons.filter(({ isEarlier }) => !isEarlier),
    ...again.flatMap((one) => {
      const word = foundAs(one);
      const alike = again.filter((other) => foundAs(other) === word);
      const isCertain =
        alike.length === 1 || alike.reduce((sum, { count }) => sum + count, 0) <= (found[`leave:${word}`] ?? 0);
      const count = isCertain ? Math.min(one.count, found[`leave:${word}`] ?? 0) : 0;
      if (count === 0) return [];
      return [{ ...one, count, ...(word === one.outcome ? {} : { leftAloneAs: word }) }];
    }),
  ];
}

/** How many were left alone, by reason: found when comparing, or told by the list. */
export function leftAloneBy(
  { findings }: Pick<SyncRun, 'findings'>,
  outcomes: readonly ReasonOfRun[],
): Record<string, number> {
  const by: Record<string, number> = {};
  for (const [name, count] of Object.entries(findings as Record<string, number>))
    if (name.startsWith('leave:') && name !== 'leave:no-change') by[name.slice('leave:'.length)] = count;
  for (const { outcome, count, isEarlier } of outcomes)
    if (!isEarlier && LEFT_ALONE.includes(outcome)) by[outcome] = (by[outcome] ?? 0) + count;
  return by;
}

/** People by outcome and reason, those of earlier runs among them, with the next step. */
export function outcomesOf(reasons: readonly (ReasonCount & { leftAloneAs?: string })[]): OutcomeCount[] {
  const by = new Map<string, OutcomeCount>();
  for (const { outcome, reason, count, leftAloneAs } of reasons) {
    const key = `${outcome} ${reason} ${leftAloneAs}`;
    const next = nextStep[reason as DeclineReason];
    const before = by.get(key)?.count ?? 0;
    by.set(key, {
      ...{ outcome, reason, count: before + count },
      ...(next === undefined ? {} : { next }),
      ...(leftAloneAs === undefined ? {} : { leftAloneAs }),
    });
  }
  return [...by.values()];
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
