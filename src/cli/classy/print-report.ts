import { print, printJson, printTable, showSeconds } from '../output.js';
import { exitCodeOf } from '../sync/print-report.js';
import type { OrganizationReport, ResourceReport } from './report.js';

/** Prints what became of a sync of organizations, for people or as JSON, and sets the exit code. */
export function printOrganizationReport(report: OrganizationReport, { json }: { json: boolean }): void {
  process.exitCode = exitCodeOf(report.result);
  if (json) printJson(report);
  else printInWords(report);
}

function printInWords(report: OrganizationReport): void {
  const runs = report.runs ?? [report];
  print(headline(report));
  printTable(headings(report.dryRun), runs.map(cells));
  const next = [...runs.flatMap(nextSteps), ...driftWords(report)];
  if (next.length > 0) print();
  for (const words of next) print(words);
}

function headline({ mode, dryRun, scope, result, seconds, run }: OrganizationReport): string {
  const sync = mode === 'full' ? 'full sync' : 'incremental sync';
  const what = dryRun ? `Dry run of the ${sync}` : `${sync.charAt(0).toUpperCase()}${sync.slice(1)}`;
  const nothing = dryRun ? ' Nothing was written: this is what would be.' : '';
  return `${what} of ${scope}: ${result} in ${showSeconds(seconds)}.${nothing}${run === null ? '' : `\n(run ${run})`}\n`;
}

const headings = (dryRun: boolean): string[] => {
  const would = (word: string): string => (dryRun ? `WOULD BE ${word}` : word);
  return [
    'RESOURCE',
    'READ',
    would('ADDED'),
    would('UPDATED'),
    would('MISSING'),
    'UNCHANGED',
    would('SET ASIDE'),
    'TOOK',
    'RESULT',
  ];
};

const cells = ({ scope, counts, seconds, result }: ResourceReport): (string | number)[] => [
  scope,
  counts.read,
  counts.added,
  counts.updated,
  counts.held > 0 ? `${counts.removed} (${counts.held} held)` : counts.removed,
  counts.unchanged,
  counts.failed,
  showSeconds(seconds),
  result,
];

/** What a run says of itself, and the command that goes on from there where it does not name it. */
function nextSteps({ scope, message, counts }: ResourceReport): string[] {
  if (message === null) return [];
  const [organization, resource] = scope.split('/');
  // also after an incremental sync that read everything because it was the first
  const confirmed = `  steward sync ${resource} full --organization ${organization} --confirm-missing`;
  return [`${scope}: ${message}${/[.!?]$/.test(message) ? '' : '.'}`, ...(counts.held > 0 ? [confirmed] : [])];
}

const MOST_DRIFT = 5;

function driftWords({ drift }: OrganizationReport): string[] {
  const kinds = Object.entries(drift).sort(([, a], [, b]) => b - a);
  if (kinds.length === 0) return [];
  const told = kinds.slice(0, MOST_DRIFT).map(([what, count]) => `${what} (${count})`);
  const more = kinds.length > MOST_DRIFT ? `, and ${kinds.length - MOST_DRIFT} more: --json lists them` : '';
  return [`Classy answered otherwise than its documents say: ${told.join(', ')}${more}.`];
}
