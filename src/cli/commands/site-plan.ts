import type { Command } from 'commander';
import { withSession } from '../session.js';
import { findPlan } from '../sync/plan.js';
import { showPlan } from '../sync/show-plan.js';
import { siteSubject } from '../sync/subject.js';

/** `steward site plan`. */
export function registerSitePlan(site: Command): void {
  site
    .command('plan')
    .argument('<plan>', 'id that a dry run or a run stopped by the guard printed')
    .description('what a plan would do, and whether it can still be applied')
    .option('--verbose', 'list the people, field by field: prints e-mail addresses', false)
    .option('--json', 'print JSON', false)
    .action((id: string, options: { verbose: boolean; json: boolean }) =>
      withSession(async (session) => {
        const run = await findPlan(session, id, { kind: 'site', verb: 'plan' });
        await showPlan(session, siteSubject(session, run.site), run, options);
      }),
    );
}
