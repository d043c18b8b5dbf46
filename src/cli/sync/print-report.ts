import type { SyncCounts } from '../../ledger/runs.js';
import { ExitCode } from '../exit.js';
import { print, printJson, showSeconds } from '../output.js';
import type { Session } from '../session.js';
import { printPeople } from './people.js';
import type { Estimate } from './plan.js';
import { explain } from './reasons.js';
import { allPeople, peopleOf, type SyncReport } from './report.js';

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
  report: SyncReport,
  { json, verbose }: { json: boolean; verbose: boolean },
): Promise<void> {
  process.exitCode = exitCodeOf(report.result);
  const people = peopleOf(session, report);
  if (json) return printJson(verbose ? { ...report, people: await allPeople(people) } : report);
  print(headline(report));
  printCounts(report.counts, report.dryRun);
  printLeftAlone(report.leftAloneBy);
  if (report.skipped) print(`  ${report.skipped} of the plan no longer were as it meant them and were skipped.`);
  if (verbose) {
    print();
    await printPeople(people);
  }
  printNext(report);
}

const NAMES: Readonly<Record<string, string>> = { walk: 'Walk', full: 'Full sync', apply: 'Plan' };

function headline({ mode, dryRun, scope, result, seconds, message, run }: SyncReport): string {
  const what = dryRun ? 'Dry run' : (NAMES[mode] ?? mode);
  const nothing = dryRun && result === 'done' ? ' Nothing was changed anywhere.' : '';
  return `${what} of ${scope}: ${result} in ${showSeconds(seconds)}.${nothing}${message === null ? '' : ` ${sentence(message)}`}\n(run ${run})\n`;
}

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;

const LABELS: readonly (readonly [keyof SyncCounts, string, string])[] = [
  ['read', 'read', 'read'],
  ['added', 'added', 'would be added'],
  ['updated', 'updated', 'would be updated'],
  ['moved', 'moved to another address', 'would be moved to another address'],
  ['removed', 'taken off the list', 'would be taken off the list'],
  ['held', 'held (steward held list)', 'held'],
  ['unchanged', 'as they should be', 'as they should be'],
  ['failed', 'failed, or wait still', 'could not be read'],
  ['leftAlone', 'left alone', 'left alone'],
];

/** People by what was done, or would be. */
export function printCounts(counts: SyncCounts, isPlan: boolean): void {
  for (const [key, done, meant] of LABELS) print(`${String(counts[key]).padStart(8)}  ${isPlan ? meant : done}`);
}

/** Why people are left alone. */
export function printLeftAlone(by: Readonly<Record<string, number>>): void {
  for (const [reason, count] of Object.entries(by).sort(([, a], [, b]) => b - a))
    print(`${String(count).padStart(14)}  ${reason}: ${explain(reason)}`);
}

/** What a plan takes at Campaign Monitor. */
export const showEstimate = ({ calls, seconds }: Estimate): string =>
  calls === 0
    ? 'There is nothing to do.'
    : `Carrying it out takes ${calls} ${calls === 1 ? 'call' : 'calls'} to Campaign Monitor, about ${showSeconds(seconds)}.`;

function printNext({ plan, estimate, dryRun, result, scope, message }: SyncReport): void {
  if (plan === undefined || message?.includes(plan)) return;
  print();
  if (estimate) print(showEstimate(estimate));
  if (estimate?.calls === 0 && dryRun && result === 'done') return;
  print(`To do exactly this, within one day: steward site apply ${plan}`);
  print(`A newer plan of ${scope} replaces it.`);
}
