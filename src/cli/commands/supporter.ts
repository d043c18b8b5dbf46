import type { Command } from 'commander';
import { printSupporters } from '../classy/print-supporter.js';
import { readSupporters } from '../classy/supporter-reading.js';
import { printJson } from '../output.js';
import { withSession } from '../session.js';

/** `steward supporter show`. */
export function registerSupporter(program: Command): void {
  program
    .command('supporter')
    .description('supporters of a Classy organization')
    .command('show')
    .argument('<organization>', 'its id at Classy')
    .argument('<email|id>')
    .description(
      'what we know of a supporter: consent, every gift and why it does or does not count, plans, the tags and fields that follow, and how it stands in the audience',
    )
    .option('--json', 'print JSON', false)
    .action((organization: string, emailOrId: string, { json }: { json: boolean }) =>
      withSession(async (session) => {
        const shown = await readSupporters(session, organization, emailOrId);
        if (json) printJson(shown);
        else printSupporters(shown);
      }),
    );
}
