import { type Command, Option } from 'commander';
import { parseCount, parseTime } from '../arguments.js';
import { CliError, ExitCode } from '../exit.js';
import { print, printJson, printTable, showTime } from '../output.js';
import { withSession } from '../session.js';
import { registerReplay } from './delivery-replay.js';

interface ListOptions {
  site?: string;
  state?: string;
  from?: Date;
  to?: Date;
  member?: string;
  limit: number;
  json: boolean;
}

/** `steward delivery list|show|replay`. */
export function registerDelivery(program: Command): void {
  const delivery = program.command('delivery').description('webhook deliveries: the inbox');
  delivery
    .command('list')
    .description('the newest deliveries first')
    .option('--site <site>', 'of one site')
    .addOption(new Option('--state <state>').choices(['waiting', 'done', 'noise']))
    .option('--member <id>', 'of one member')
    .option('--from <time>', 'received at or after: 2026-11-22T10:00Z, or how long ago, such as 2h', parseTime)
    .option('--to <time>', 'received before', parseTime)
    .option('--limit <count>', 'at most so many', parseCount, 50)
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      '\nOutcomes: applied (it told something new), unchanged (nothing that is synced), superseded (something newer was known\nalready), discarded (given up by an operator). State noise: only activity stamps moved, nothing is done.',
    )
    .action(({ json, member, ...filter }: ListOptions) =>
      withSession(async ({ ledger }) => {
        const rows = await ledger.inbox.list({ ...filter, ...(member === undefined ? {} : { memberId: member }) });
        if (json) return printJson(rows);
        if (rows.length === 0) return print('No delivery matches.');
        printTable(
          ['DELIVERY', 'RECEIVED', 'SITE', 'MEMBER', 'EVENT', 'STATE', 'OUTCOME'],
          rows.map((row) => [
            row.id,
            showTime(row.receivedAt),
            row.site,
            row.memberId,
            row.event,
            row.state,
            row.outcome ?? '',
          ]),
        );
      }),
    );
  delivery
    .command('show')
    .argument('<id>')
    .description('one delivery with its payload')
    .option('--json', 'print JSON', false)
    .action((id: string, { json }: { json: boolean }) =>
      withSession(async ({ ledger }) => {
        const found = /^[0-9a-f-]{36}$/i.test(id) ? await ledger.inbox.show(id) : null;
        if (!found) throw new CliError(`There is no delivery ${id}. See \`steward delivery list\`.`, ExitCode.Failed);
        if (json) return printJson(found);
        const { payload, ...facts } = found;
        for (const [key, value] of Object.entries(facts))
          print(`${key.padEnd(12)}${value instanceof Date ? value.toISOString() : (value ?? '')}`);
        print(`payload     ${JSON.stringify(payload, null, 2)}`);
      }),
    );
  registerReplay(delivery);
}
