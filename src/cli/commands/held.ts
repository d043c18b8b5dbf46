import type { Command } from 'commander';
import { CliError, ExitCode } from '../exit.js';
import { print, printJson, printTable, showTime } from '../output.js';
import { type Session, withSession } from '../session.js';

interface Filter {
  site?: string;
  audience?: string;
  all: boolean;
  json: boolean;
}

const audienceOf = (session: Session, { site, audience }: Filter): string | undefined =>
  site === undefined ? audience : session.site(site).audience;

/** `steward held list|release|discard`. */
export function registerHeld(program: Command): void {
  const held = program
    .command('held')
    .description('removals beyond the 24-hour budget, and additions that would mail people');
  held
    .command('list')
    .description('what is held, and why')
    .option('--site <site>', 'of one site')
    .option('--audience <audience>', 'of one list')
    .option('--json', 'print JSON', false)
    .action((filter: Filter) =>
      withSession(async (session) => {
        const rows = await session.ledger.holds.list({ audience: audienceOf(session, filter) });
        if (filter.json) return printJson(rows.map(({ address: _, released: __, ...row }) => row));
        if (rows.length === 0) return print('Nothing is held.');
        printTable(
          ['ID', 'AUDIENCE', 'WHAT', 'MEMBER', 'SINCE', 'REASON'],
          rows.map((row) => [row.id, row.audience, row.kind, row.memberId ?? '', showTime(row.since), row.reason]),
        );
      }),
    );
  for (const [name, done, description] of [
    ['release', 'released', 'let them go; each is checked again first, and none draws on the budget'],
    ['discard', 'discarded', 'leave these people as they are on the list'],
  ] as const) {
    held
      .command(name)
      .argument('[ids...]', 'ids of `held list`')
      .description(description)
      .option('--site <site>', 'all of one site')
      .option('--audience <audience>', 'all of one list')
      .option('--all', 'all of them', false)
      .option('--json', 'print JSON', false)
      .action((ids: string[], filter: Filter) =>
        withSession(async (session) => {
          const audience = audienceOf(session, filter);
          if (ids.length === 0 && !filter.all && audience === undefined)
            throw new CliError('Say which: ids, --site, --audience or --all.', ExitCode.Usage);
          const chosen = { audience, ids: ids.length === 0 ? undefined : ids };
          const count = await (name === 'release'
            ? session.ledger.holds.release(chosen)
            : session.ledger.holds.discard(chosen));
          if (filter.json) printJson({ [done]: count });
          else print(`${count} ${done}.`);
          if (count < ids.length) process.exitCode = count > 0 ? ExitCode.Partly : ExitCode.Failed;
        }),
      );
  }
}
