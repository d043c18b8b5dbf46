import type { SyncRun } from '../../ledger/runs.js';
import { wordsOfLimitedPlan } from '../audience/first-sync.js';
import { print, printJson, showTime } from '../output.js';
import type { Session } from '../session.js';
import { planned, printPeople } from './people.js';
import { actionsOf, validUntil, whyNotOpen } from './plan.js';
import { printLeftAlone, printTags, showEstimate } from './print-report.js';
import { allPeople, leftAloneBy, planFigures } from './report.js';
import { applyCommand, type SyncSubject } from './subject.js';

const MODES: Readonly<Record<string, string>> = {
  walk: 'a walk',
  full: 'a full sync',
  incremental: 'an incremental sync',
};

/** Prints what a plan would do, for people or as JSON. Addresses are printed with `verbose` alone. */
export async function showPlan(
  session: Session,
  subject: SyncSubject,
  run: SyncRun & { planState: string },
  { verbose, json }: { verbose: boolean; json: boolean },
): Promise<void> {
  const counts = await actionsOf(session, run);
  const figures = await planFigures(session, subject, run, counts);
  const shown = {
    plan: run.id,
    [subject.kind]: subject.name,
    state: run.planState,
    madeAt: run.endedAt,
    validUntil: validUntil(run),
    by: run.dryRun ? 'dry run' : 'guard',
    counts,
    leftAloneBy: run.dryRun ? leftAloneBy(run, []) : {},
    ...figures,
  };
  const people = planned(session, run.id);
  if (json) return printJson(verbose ? { ...shown, people: await allPeople(people) } : shown);
  const why = await whyNotOpen(session, run, subject);
  print(
    `Plan of ${subject.name}, left by ${run.dryRun ? 'a dry run' : `the guard in ${MODES[run.mode] ?? run.mode}`} at ${showTime(run.endedAt)} UTC`,
  );
  if (!run.dryRun && run.message) print(run.message);
  print();
  for (const [action, count] of Object.entries({
    'would be added': counts.added,
    'would be updated': counts.updated,
    'would be moved to another address': counts.moved,
    [`would be ${subject.removed}`]: counts.removed,
  }))
    print(`${String(count).padStart(8)}  ${action}`);
  printLeftAlone(shown, subject.kind);
  printTags(figures.tags);
  if (verbose) {
    print();
    await printPeople(people, subject.kind);
  }
  print();
  print(showEstimate(figures, subject));
  if (figures.limited) print(wordsOfLimitedPlan(figures.limited, subject));
  print(
    why === undefined
      ? `Open until ${showTime(validUntil(run))} UTC: ${applyCommand(subject, run.id)}`
      : `It cannot be applied any more: ${why}.`,
  );
}
