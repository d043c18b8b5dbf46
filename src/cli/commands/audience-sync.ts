import type { Command } from 'commander';
import { parseCount } from '../arguments.js';
import { chosenAudience } from '../audience/chosen-audience.js';
import { type AskedOfAudience, announce, startAudienceSync } from '../audience/start-audience-sync.js';
import { audienceSubject } from '../audience/subject.js';
import { withSession } from '../session.js';
import { carryOut, refuseUnlessOpen } from '../sync/carry-out.js';
import { addTellingOptions, type TellingOptions } from '../sync/options.js';
import { findPlan } from '../sync/plan.js';
import { showPlan } from '../sync/show-plan.js';

interface SyncOptions extends TellingOptions {
  full: boolean;
  dryRun: boolean;
  limit?: number;
  fast: boolean;
}

/** `steward audience sync`, `plan` and `apply`. */
export function registerAudienceSync(audience: Command): void {
  addTellingOptions(
    audience
      .command('sync')
      .argument('[id]', "the audience's id, or its organization's; the only one where there is one")
      .description('segment all supporters of an organization and make their audience what it should be')
      .option('--full', 'read all of the audience back, not only what changed there; the first sync always does', false)
      .option('--dry-run', 'read both sides, change nothing, and leave a plan that can be applied as it stands', false)
      .option('--limit <count>', 'only so many people, in the order of their addresses', parseCount)
      .option(
        '--fast',
        'tags of a first sync go by hundreds: may start automations that begin with "tag added" (MailChimp)',
        false,
      ),
    'audience',
  )
    .addHelpText('after', HELP)
    .action(sync);
  audience
    .command('plan')
    .argument('<plan>', 'id that a dry run or a run stopped by the guard printed')
    .description('what a plan would do, and whether it can still be applied')
    .option('--verbose', 'list the people, field by field: prints e-mail addresses', false)
    .option('--json', 'print JSON', false)
    .action(plan);
  addTellingOptions(
    audience
      .command('apply')
      .argument('<plan>', 'id that a dry run or a run stopped by the guard printed')
      .description('do what a plan says, and nothing else; whoever is no longer as it meant them is skipped')
      .option(
        '--fast',
        'tags of a first sync go by hundreds: may start automations that begin with "tag added" (MailChimp)',
        false,
      ),
    'audience',
  ).action(apply);
}

const HELP = `
Begin with:
  steward audience sync <id> --dry-run
  steward audience sync <id> --dry-run --limit 100 --verbose
  steward audience apply <plan>
The first sync of an audience is started by a person; from then on its schedule keeps it true. In MailChimp it is quiet:
tags are given person by person, so that no automation starts. What --fast may set off is in docs/destinations.md.
People whom the destination does not take are told with what can be done about it; they are no failure.
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 done in part, 4 refused by the guard or already running,
130 you stopped waiting; the run goes on.
The run is the workflow audience-sync/<id> in Temporal.`;

const sync = (id: string | undefined, options: SyncOptions): Promise<void> =>
  withSession(async (session) => {
    const { full, dryRun, limit, fast } = options;
    const one = await chosenAudience(session, id);
    const asked: AskedOfAudience = {
      // a dry run tells field by field, so it reads everything
      mode: full || dryRun ? 'full' : 'incremental',
      dryRun,
      fast,
      ...(limit === undefined ? {} : { limit }),
    };
    await announce(session, one, asked);
    await carryOut(session, audienceSubject(session, one), asked, startAudienceSync(session, one, asked), options);
  });

const plan = (id: string, options: { verbose: boolean; json: boolean }): Promise<void> =>
  withSession(async (session) => {
    const run = await findPlan(session, id, { kind: 'audience', verb: 'plan' });
    const one = await chosenAudience(session, run.audience);
    await showPlan(session, audienceSubject(session, one), run, options);
  });

const apply = (id: string, options: TellingOptions & { fast: boolean }): Promise<void> =>
  withSession(async (session) => {
    const found = await findPlan(session, id, { kind: 'audience', verb: 'apply' });
    const one = await chosenAudience(session, found.audience);
    const subject = audienceSubject(session, one);
    await refuseUnlessOpen(session, subject, found);
    const asked: AskedOfAudience = { mode: 'apply', plan: found.id, fast: options.fast };
    await announce(session, one, asked, found);
    await carryOut(session, subject, asked, startAudienceSync(session, one, asked), options);
  });
