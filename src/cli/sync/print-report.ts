import type { SyncCounts } from '../../ledger/runs.js';
import { wordsOfLimitedPlan } from '../audience/first-sync.js';
import { ExitCode } from '../exit.js';
import { print, printJson, printTable, showSeconds } from '../output.js';
import type { Session } from '../session.js';
import type { TagCounts } from './estimate.js';
import { printPeople } from './people.js';
import { explain, WITHHELD_FOR } from './reasons.js';
import { allPeople, type PlanFigures, peopleOf, type SyncReport } from './report.js';
import { applyCommand, type SyncSubject } from './subject.js';

/** Exit code of a command that ended with this result. */
export function exitCodeOf(result: string): number {
  switch (result) {
    case 'partly':
      return ExitCode.Partly;
    case 'refused':
      return ExitCode.Refused;
    case 'failed':
      return ExitCode.Failed;
    default:
      return ExitCode.Done;
  }
}

/** Prints what became of a run, for people or as JSON, and sets the exit code. Addresses are printed with `verbose` alone. */
export async function printReport(
  session: Session,
  subject: SyncSubject,
  report: SyncReport,
  { json, verbose }: { json: boolean; verbose: boolean },
): Promise<void> {
  process.exitCode = exitCodeOf(report.result);
  const people = peopleOf(session, report);
  if (json) return printJson(verbose ? { ...report, people: await allPeople(people) } : report);
  print(headline(report));
  printCounts(report.counts, subject, report.dryRun);
  printLeftAlone(report, subject.kind);
  printTags(report.tags);
  if (report.skipped) print(`  ${report.skipped} of the plan no longer were as it meant them and were skipped.`);
  if (verbose) {
    print();
    await printPeople(people, subject.kind);
  }
  printNext(report, subject);
}

const NAMES: Readonly<Record<string, string>> = {
  walk: 'Walk',
  full: 'Full sync',
  incremental: 'Sync',
  apply: 'Plan',
};

function headline({ mode, dryRun, scope, result, seconds, message, run }: SyncReport): string {
  const what = dryRun ? 'Dry run' : (NAMES[mode] ?? mode);
  const nothing = dryRun && result === 'done' ? ' Nothing was changed anywhere.' : '';
  return `${what} of ${scope}: ${result} in ${showSeconds(seconds)}.${nothing}${message === null ? '' : ` ${sentence(message)}`}\n(run ${run})\n`;
}

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;

const labelsOf = ({
  kind,
  removed,
}: Pick<SyncSubject, 'kind' | 'removed'>): readonly (readonly [keyof SyncCounts, string, string])[] => [
  kind === 'site' ? ['read', 'read', 'read'] : ['read', 'donors read', 'donors read'],
  ['added', 'added', 'would be added'],
  ['updated', 'updated', 'would be updated'],
  ['moved', 'moved to another address', 'would be moved to another address'],
  ['removed', removed, `would be ${removed}`],
  ['held', 'held (steward held list)', 'held'],
  ['unchanged', 'as they should be', 'as they should be'],
  ['failed', 'failed, or wait still', 'could not be read'],
  ['leftAlone', 'left alone', 'left alone'],
];

/** People by what was done, or would be. */
function printCounts(counts: SyncCounts, subject: SyncSubject, isPlan: boolean): void {
  for (const [key, done, meant] of labelsOf(subject))
    print(`${String(counts[key]).padStart(8)}  ${isPlan ? meant : done}`);
}

/** What tells why people are left alone. */
type LeftAlone = Pick<SyncReport, 'leftAloneBy' | 'outcomes' | 'withheldBy'>;

/** Why people are left alone; whom the destination does not take by its reason, with what somebody can do about it. */
export function printLeftAlone(left: LeftAlone, kind: SyncSubject['kind']): void {
  for (const [count, words] of leftAloneInWords(left, kind)) print(`${String(count).padStart(14)}  ${words}`);
}

/** How many are left alone for what, everybody once. */
export function leftAloneInWords(
  { leftAloneBy, outcomes = [], withheldBy }: LeftAlone,
  kind: SyncSubject['kind'],
): [count: number, words: string][] {
  const others = { ...leftAloneBy };
  const lines: [number, string][] = [];
  const tell = (word: string, count: number, words: string): void => {
    others[word] = Math.max(0, (others[word] ?? 0) - count);
    lines.push([count, words]);
  };
  for (const { outcome, reason, count, next, leftAloneAs = outcome } of outcomes)
    if (reason !== null) tell(leftAloneAs, count, next === undefined ? reason : `${reason}: ${next}`);
  for (const cause of ['consent', 'address'] as const)
    if (withheldBy) tell('withheld', withheldBy[cause], `withheld: ${WITHHELD_FOR[cause]}`);
  for (const [reason, count] of Object.entries(others)) lines.push([count, `${reason}: ${explain(reason, kind)}`]);
  return lines.filter(([count]) => count > 0).sort(([a], [b]) => b - a);
}

/** To how many people each tag would be given, and from how many it would be taken. */
export function printTags(tags: TagCounts = {}): void {
  const rows = Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1));
  if (rows.length === 0) return;
  print();
  printTable(
    ['TAG', 'GIVEN', 'TAKEN'],
    rows.map(([name, { given, taken }]) => [name, given, taken]),
  );
}

const calls = (count: number): string => `${count} ${count === 1 ? 'call' : 'calls'}`;

/** What a plan takes at its destination. */
export function showEstimate({ estimate, estimateFast }: PlanFigures, { limits: { title } }: SyncSubject): string {
  if (estimate.calls === 0) return 'There is nothing to do.';
  const takes = `Carrying it out takes ${calls(estimate.calls)} to ${title}, about ${showSeconds(estimate.seconds)}.`;
  if (!estimateFast) return takes;
  const fast =
    estimateFast.calls === estimate.calls
      ? 'it takes as many calls'
      : `it takes ${calls(estimateFast.calls)}, about ${showSeconds(estimateFast.seconds)}`;
  return `${takes} It is quiet: tags go person by person, so that no automation starts; with --fast ${fast}, and automations that start by "tag added" may start.`;
}

function printNext(report: SyncReport, subject: SyncSubject): void {
  const { plan, estimate, dryRun, result, scope, message } = report;
  if (plan === undefined || message?.includes(plan)) return;
  print();
  if (estimate) print(showEstimate({ ...report, estimate }, subject));
  if (estimate?.calls === 0 && dryRun && result === 'done') return;
  print(`To do exactly this, within one day: ${applyCommand(subject, plan)}`);
  if (report.limited) print(wordsOfLimitedPlan(report.limited, subject));
  print(`A newer plan of ${scope} replaces it.`);
}
