import { type Command, Option } from 'commander';
import { memberWorkflowId } from '../../contract/workflow-ids.js';
import { CliError, ExitCode } from '../exit.js';
import { print, printJson, printTable, showTime } from '../output.js';
import { withSession } from '../session.js';

interface Filter {
  step?: string;
  site?: string;
  all: boolean;
  json: boolean;
}

/** `steward parked list|retry|discard`. */
export function registerParked(program: Command): void {
  const parked = program.command('parked').description('people whose sync waits for an operator');
  parked
    .command('list')
    .description('who is parked, where and why')
    .addOption(new Option('--step <step>').choices(['readMember', 'pushContact']))
    .option('--site <site>', 'of one site')
    .option('--json', 'print JSON', false)
    .action(({ step, site, json }: Filter) =>
      withSession(async ({ ledger }) => {
        const rows = (await ledger.parked.list({ step, site })).map((row) => ({
          workflowId: memberWorkflowId(row.site, row.memberId),
          ...row,
        }));
        if (json) return printJson(rows);
        if (rows.length === 0) return print('Nobody is parked.');
        printTable(
          ['WORKFLOW', 'STEP', 'SINCE', 'WHY'],
          rows.map((row) => [row.workflowId, row.step, showTime(row.since), `${row.type}: ${row.message}`]),
        );
      }),
    );
  for (const [name, signal, description] of [
    ['retry', 'retryParked', 'read them again and send them in any case'],
    ['discard', 'discardParked', 'give them up until something changes'],
  ] as const) {
    parked
      .command(name)
      .argument('[ids...]', 'workflow ids (member/site/id) or member ids')
      .description(description)
      .option('--step <step>', 'all at that step')
      .option('--site <site>', 'all of one site')
      .option('--all', 'all of them', false)
      .option('--json', 'print JSON', false)
      .action((ids: string[], { step, site, all, json }: Filter) =>
        withSession(async ({ ledger, starter }) => {
          if (ids.length === 0 && !all && step === undefined && site === undefined)
            throw new CliError('Say who: ids, --step, --site or --all.', ExitCode.Usage);
          const memberIds = ids.length === 0 ? undefined : ids.map((id) => id.split('/').at(-1)!);
          const rows = await ledger.parked.list({ step, site, memberIds });
          for (const row of rows) await starter.signalMember(row.site, row.memberId, signal);
          const unknown = (memberIds ?? []).filter((id) => !rows.some((row) => row.memberId === id));
          if (json) printJson({ signalled: rows.map((row) => memberWorkflowId(row.site, row.memberId)), unknown });
          else
            print(`${rows.length} told to ${name}.${unknown.length > 0 ? ` Not parked: ${unknown.join(', ')}.` : ''}`);
          if (unknown.length > 0) process.exitCode = rows.length > 0 ? ExitCode.Partly : ExitCode.Failed;
        }),
      );
  }
}
