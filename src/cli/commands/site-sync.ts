import type { Command } from 'commander';
import { parseCount } from '../arguments.js';
import { CliError, ExitCode } from '../exit.js';
import { withSession } from '../session.js';
import { carryOut, refuseUnlessOpen } from '../sync/carry-out.js';
import { addTellingOptions, type TellingOptions } from '../sync/options.js';
import { findPlan } from '../sync/plan.js';
import { siteSubject } from '../sync/subject.js';

interface SyncOptions extends TellingOptions {
  full: boolean;
  dryRun: boolean;
  limit?: number;
  confirmOptInMails: boolean;
}

/** `steward site sync` and `steward site apply`. */
export function registerSiteSync(site: Command): void {
  addTellingOptions(
    site
      .command('sync')
      .argument('<site>')
      .description('compare all members with what we know of them (a walk), and with the list as well (--full)')
      .option('--full', 'read the list back as well; the first one of a list brings everybody onto it', false)
      .option(
        '--dry-run',
        'read both sides (also without --full), change nothing, and leave a plan that can be applied as it stands',
        false,
      )
      .option('--limit <count>', 'only so many members, in the order of their ids; nobody is taken off', parseCount)
      .option('--confirm-opt-in-mails', 'everybody added to this double opt-in list may be mailed', false),
    'site',
  )
    .addHelpText(
      'after',
      `
Begin with: steward site sync <site> --full --dry-run
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done in part, 4 refused by the guard or already running,
130 you stopped waiting; the run goes on.
The run is the workflow site-sync/<site> in Temporal.`,
    )
    .action(sync);
  addTellingOptions(
    site
      .command('apply')
      .argument('<plan>', 'id that a dry run or a run stopped by the guard printed')
      .description('do what a plan says, and nothing else; whoever is no longer as it meant them is skipped'),
    'site',
  ).action(apply);
}

const sync = (name: string, options: SyncOptions): Promise<void> =>
  withSession(async (session) => {
    const { full, dryRun, limit, confirmOptInMails } = options;
    const site = session.site(name);
    if (dryRun && confirmOptInMails)
      throw new CliError('--dry-run changes nothing: give --confirm-opt-in-mails without it.', ExitCode.Usage);
    // a dry run always reads both sides
    const mode = full || dryRun ? 'full' : 'walk';
    if (mode === 'walk' && !site.ghost)
      throw new CliError(`Site ${site.name} has webhooks only; --full reads its list back.`, ExitCode.Usage);
    const input = {
      site: site.name,
      mode,
      dryRun,
      confirmOptInMails,
      ...(limit === undefined ? {} : { limit }),
    } as const;
    const start = (how: { run: string; by: 'command' }) => session.starter.startSync({ ...input, ...how });
    await carryOut(session, siteSubject(session, site.name), input, start, options);
  });

const apply = (id: string, options: TellingOptions): Promise<void> =>
  withSession(async (session) => {
    const plan = await findPlan(session, id, { kind: 'site', verb: 'apply' });
    const subject = siteSubject(session, plan.site);
    await refuseUnlessOpen(session, subject, plan);
    const input = { site: session.site(plan.site).name, mode: 'apply', plan: plan.id } as const;
    await carryOut(session, subject, input, (how) => session.starter.startSync({ ...input, ...how }), options);
  });
