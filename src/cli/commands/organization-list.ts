import type { Command } from 'commander';
import type { Organization } from '../../ledger/classy/organizations.js';
import { CredentialsUnreadable } from '../../ledger/credentials.js';
import { readAudienceStates, stateWord } from '../audience/audience-states.js';
import { unsealCredentials } from '../credentials.js';
import { type Registry, withRegistry } from '../organization/registry.js';
import { print, printJson, printTable, showTime } from '../output.js';

/** `steward organization list`. */
export function registerOrganizationList(organization: Command): void {
  organization
    .command('list')
    .description('the organizations, their audiences, and how their last syncs ended')
    .option('--json', 'print JSON', false)
    .action(({ json }: { json: boolean }) =>
      withRegistry(async (registry) => {
        const rows = await readAll(registry);
        if (json) return printJson(rows);
        if (rows.length === 0) return print('There is no organization yet: steward organization add');
        printTable(
          ['ID', 'NAME', 'CURRENCY', 'TIME ZONE', 'AUDIENCE', 'ADDED', 'STATE'],
          rows.map((one) => [
            one.id,
            one.isSandbox ? `${one.name} (sandbox)` : one.name,
            one.currency ?? 'all',
            one.timeZone,
            one.audience ? `${one.audience.audience ?? ''} ${stateWord(one.audience)}`.trim() : '',
            showTime(one.addedAt),
            stateOf(one),
          ]),
        );
      }),
    );
}

type Row = Awaited<ReturnType<typeof readAll>>[number];

async function readAll(registry: Registry) {
  const { ledger, ring } = registry;
  const [audiences, organizations, ended, setAside] = await Promise.all([
    readAudienceStates(registry),
    ledger.organizations.list(),
    ledger.organizationRuns.lastEnded(),
    ledger.organizationRuns.setAsideCounts(),
  ]);
  return organizations.map(({ sealed, removedAt: _, pause, currency, mailchimpListId, ...one }) => ({
    ...one,
    currency: currency ?? null,
    mailchimpListId: mailchimpListId ?? null,
    audience: audiences.find(({ organization }) => organization?.id === one.id) ?? null,
    paused: pause ?? null,
    credentialsReadable: areReadable(one.id, sealed, ring),
    last: ended.filter(({ organization }) => organization === one.id).map(({ organization: __, ...last }) => last),
    setAside: setAside.get(one.id) ?? 0,
  }));
}

function areReadable(id: string, sealed: Organization['sealed'], ring: Registry['ring']): boolean {
  if (!sealed) return false;
  try {
    return unsealCredentials(ring(), id, sealed) !== undefined;
  } catch (error) {
    if (error instanceof CredentialsUnreadable) return false;
    throw error;
  }
}

/** What an operator has to know first. */
function stateOf({ id, credentialsReadable, paused, last, setAside }: Row): string {
  if (!credentialsReadable) return `CREDENTIALS UNREADABLE: steward organization show ${id}`;
  if (paused) return `PAUSED since ${showTime(paused.since)}: ${paused.message}`;
  if (last.length === 0) return 'not read yet';
  const newest = new Date(Math.max(...last.map(({ endedAt }) => endedAt.getTime())));
  const wrong = last
    .filter(({ result }) => result !== 'done')
    .map(({ resource, mode, result }) => `${mode} ${resource} ${result}`);
  const beside = setAside > 0 ? `, ${setAside} set aside` : '';
  return `${wrong.length === 0 ? 'done' : wrong.join(', ')}${beside}, ${showTime(newest)}`;
}
