import type { Command } from 'commander';
import { scopeOf } from '../../ledger/classy/supporters-as-people.js';
import { parseCount } from '../arguments.js';
import { type AudienceState, readAudienceStates, remarksOn, stateWord } from '../audience/audience-states.js';
import { chosenAudience } from '../audience/chosen-audience.js';
import { print, printJson, printTable, showTime } from '../output.js';
import { withSession } from '../session.js';
import { printRuns } from '../sync/print-runs.js';
import { registerAudienceSync } from './audience-sync.js';

/** `steward audience list|sync|plan|apply|runs`. */
export function registerAudience(program: Command): void {
  const audience = program
    .command('audience')
    .description('where people are written to: how audiences stand, and syncs of those of organizations');
  audience
    .command('list')
    .description('all audiences, of sites and of organizations: destination, last sync, what they wait for, problems')
    .option('--json', 'print JSON', false)
    .action(({ json }: { json: boolean }) =>
      withSession(async (session) => {
        const states = await readAudienceStates(session);
        if (json) printJson(states);
        else if (states.length === 0) print(NONE);
        else show(states);
      }),
    );
  registerAudienceSync(audience);
  audience
    .command('runs')
    .argument('[id]', "the audience's id, or its organization's")
    .description("syncs and applied plans of organizations' audiences, the newest first")
    .option('--limit <count>', 'at most so many', parseCount, 20)
    .option('--json', 'print JSON', false)
    .action((id: string | undefined, { limit, json }: { limit: number; json: boolean }) =>
      withSession(async (session) => {
        const of = id === undefined ? {} : { site: scopeOf((await chosenAudience(session, id)).organization.id) };
        printRuns(await session.ledger.runs.list({ of: 'audiences', limit, ...of }), 'audience', { json });
      }),
    );
}

const NONE = 'There is no audience: configure a site, or give an organization one (steward organization update).';

const whose = ({ site, organization }: AudienceState): string =>
  site === null ? `${organization!.id} (${organization!.name})` : `site ${site}`;

function show(states: readonly AudienceState[]): void {
  printTable(
    ['AUDIENCE', 'OF', 'AT', 'TITLE', 'ACTIVE', 'LAST SYNC', 'STATE'],
    states.map((one) => [
      one.audience ?? '-',
      whose(one),
      one.destination ?? '',
      one.title ?? '',
      one.activeSubscribers ?? '',
      one.last ? `${one.last.result}, ${showTime(one.last.endedAt)}` : 'never',
      stateWord(one),
    ]),
  );
  const remarks = states.flatMap((one) => remarksOn(one).map((words) => `${one.audience ?? whose(one)}: ${words}`));
  if (remarks.length > 0) print();
  for (const words of remarks) print(words);
}
