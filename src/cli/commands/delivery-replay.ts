import { type Command, Option } from 'commander';
import { REPLAY_STATES, type ReplayFilter, type ReplayPreview } from '../../ledger/replay.js';
import { parseCount, parseTime } from '../arguments.js';
import { CliError, ExitCode } from '../exit.js';
import { print, printJson, printTable, showSeconds, showTime } from '../output.js';
import { type ReplayResult, runReplay } from '../replay/run-replay.js';
import { type Session, withSession } from '../session.js';

interface ReplayOptions {
  from?: Date;
  to?: Date;
  site?: string;
  state?: (typeof REPLAY_STATES)[number];
  error?: string;
  member?: string;
  rate: number;
  dryRun: boolean;
  json: boolean;
}

const RATE = 50;

/** `steward delivery replay`. */
export function registerReplay(delivery: Command): void {
  delivery
    .command('replay')
    .description('apply deliveries of configured sites again, at a bounded rate; harmless to repeat')
    .option('--from <time>', 'received at or after: 2026-11-22T10:00Z, or how long ago, such as 2h', parseTime)
    .option('--to <time>', 'received before', parseTime)
    .option('--site <site>', 'of one site')
    .addOption(
      new Option('--state <state>', 'of one state or outcome, or of members parked now').choices([...REPLAY_STATES]),
    )
    .option('--error <text>', 'of members parked, or refused by the list, with this in the reason')
    .option('--member <id>', 'of one member')
    .option('--rate <members>', 'at most so many members a second', parseCount, RATE)
    .option('--dry-run', 'only say what would be replayed', false)
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      '\nThe options combine. Members are read again where there is an Admin API key, and sent to the list where something changed.\nTo send somebody again who was refused, see steward parked retry; to repair a list, see steward site sync --full.',
    )
    .action((options: ReplayOptions) =>
      withSession(async (session) => {
        const filter = filterOf(session, options);
        if (options.dryRun) return showPreview(await session.ledger.replay.preview(filter), options);
        const result = await runReplay(session, filter, options);
        if (options.json) printJson(result);
        else showResult(result);
        if (result.interrupted) process.exitCode = ExitCode.Interrupted;
        else if (result.parked > 0) process.exitCode = ExitCode.Partly;
      }),
    );
}

function filterOf(session: Session, { from, to, site, state, error, member }: ReplayOptions): ReplayFilter {
  if ([from, site, state, error, member].every((one) => one === undefined))
    throw new CliError('Say which: --from, --site, --state, --error or --member; they combine.', ExitCode.Usage);
  const sites = (site === undefined ? session.config.sites : [session.site(site)]).map(({ name, audience }) => ({
    site: name,
    audience,
  }));
  return { sites, from, to, state, error, memberId: member };
}

function showPreview({ selected, members, oldest, newest, ...by }: ReplayPreview, { rate, json }: ReplayOptions): void {
  const seconds = members / rate;
  if (json) {
    printJson({ dryRun: true, selected, members, oldest, newest, rate, seconds, ...by });
    return;
  }
  print(
    `${selected} deliveries of ${members} members would be replayed${selected === 0 ? '.' : `, received ${showTime(oldest)} to ${showTime(newest)}.`}`,
  );
  if (selected === 0) return;
  print(`At ${rate} members a second that takes ${showSeconds(Math.ceil(seconds))}.`);
  print();
  const rows = (what: string, counts: Record<string, number>) =>
    Object.entries(counts).map(([key, n]) => [what, key, n]);
  printTable(
    ['BY', '', 'COUNT'],
    [...rows('site', by.sites), ...rows('event', by.events), ...rows('outcome', by.outcomes)],
  );
}

function showResult({ selected, replayed, outcomes, parked, seconds }: ReplayResult): void {
  const counts = Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome}`);
  if (selected === 0) print('No delivery matches.');
  else print(`${selected} selected, ${replayed} replayed in ${showSeconds(seconds)}: ${counts.join(', ')}.`);
  if (parked > 0) print(`${parked} of the members are parked: see steward parked list.`);
}
