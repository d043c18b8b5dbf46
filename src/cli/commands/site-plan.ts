import type { Command } from 'commander';
import { print, printJson, showTime } from '../output.js';
import { withSession } from '../session.js';
import { planned, printPeople } from '../sync/people.js';
import { actionsOf, estimateOf, findPlan, validUntil, whyNotOpen } from '../sync/plan.js';
import { printLeftAlone, showEstimate } from '../sync/print-report.js';
import { allPeople, leftAloneBy } from '../sync/report.js';

/** `steward site plan`. */
export function registerSitePlan(site: Command): void {
  site
    .command('plan')
    .argument('<plan>', 'id that a dry run or a run stopped by the guard printed')
    .description('what a plan would do, and whether it can still be applied')
    .option('--verbose', 'list the people, field by field: prints e-mail addresses', false)
    .option('--json', 'print JSON', false)
    .action(show);
}

const show = (id: string, { verbose, json }: { verbose: boolean; json: boolean }): Promise<void> =>
  withSession(async (session) => {
    const run = await findPlan(session, id);
    const counts = await actionsOf(session, run);
    const shown = {
      plan: run.id,
      site: run.site,
      state: run.planState,
      madeAt: run.endedAt,
      validUntil: validUntil(run),
      by: run.dryRun ? 'dry run' : 'guard',
      counts,
      leftAloneBy: run.dryRun ? leftAloneBy(run, {}) : {},
      estimate: estimateOf(counts, run, session.config),
    };
    const people = planned(session, run.id);
    if (json) return printJson(verbose ? { ...shown, people: await allPeople(people) } : shown);
    const why = await whyNotOpen(session, run);
    print(
      `Plan of ${run.site}, left by ${run.dryRun ? 'a dry run' : `the guard in a ${run.mode}`} at ${showTime(run.endedAt)} UTC`,
    );
    if (!run.dryRun && run.message) print(run.message);
    print();
    for (const [action, count] of Object.entries({
      'would be added': counts.added,
      'would be updated': counts.updated,
      'would be moved to another address': counts.moved,
      'would be taken off the list': counts.removed,
    }))
      print(`${String(count).padStart(8)}  ${action}`);
    printLeftAlone(shown.leftAloneBy);
    if (verbose) {
      print();
      await printPeople(people);
    }
    print();
    print(showEstimate(shown.estimate));
    print(
      why === undefined
        ? `Open until ${showTime(shown.validUntil)} UTC: steward site apply ${run.id}`
        : `It cannot be applied any more: ${why}.`,
    );
  });
