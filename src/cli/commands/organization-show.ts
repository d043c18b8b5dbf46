import type { Command } from 'commander';
import { mask } from '../../config/problem.js';
import { RESOURCES, type Resource } from '../../contract/organization-sync.js';
import type { OrganizationRun } from '../../ledger/classy/organization-runs.js';
import type { Organization } from '../../ledger/classy/organizations.js';
import { CredentialsUnreadable } from '../../ledger/credentials.js';
import { type AudienceState, readAudienceStates, remarksOn, stateWord } from '../audience/audience-states.js';
import { credentialsOf } from '../credentials.js';
import { parseOrganizationId } from '../organization/entry.js';
import { type Registry, withRegistry } from '../organization/registry.js';
import { print, printJson, printTable, showTime } from '../output.js';

/** `steward organization show`. */
export function registerOrganizationShow(organization: Command): void {
  organization
    .command('show')
    .argument('<id>', "Classy's id", parseOrganizationId)
    .description(
      'all that is known of an organization but its secrets: records, how far it is read, last runs, its audience',
    )
    .option('--json', 'print JSON', false)
    .action((id: string, { json }: { json: boolean }) =>
      withRegistry(async (registry) => {
        const shown = await read(registry, await registry.organization(id));
        if (json) printJson(shown);
        else show(shown);
      }),
    );
}

type Shown = Awaited<ReturnType<typeof read>>;

async function read(registry: Registry, organization: Organization) {
  const { ledger, ring } = registry;
  const { id, name, timeZone, currency = null, mailchimpListId = null, isSandbox, addedAt } = organization;
  const { organizationRuns: runs } = ledger;
  const [audiences, records, setAside, ...resources] = await Promise.all([
    readAudienceStates(registry),
    ledger.organizations.counts(id),
    runs.setAsideCounts(),
    ...RESOURCES.map((resource) => readResource(runs, id, resource)),
  ]);
  return {
    ...{ id, name, timeZone, currency, mailchimpListId, isSandbox, addedAt },
    removedAt: organization.removedAt ?? null,
    paused: organization.pause ?? null,
    credentials: showCredentials(organization, ring),
    audience: audiences.find((one) => one.organization?.id === id) ?? null,
    records,
    resources,
    setAside: setAside.get(id) ?? 0,
  };
}

async function readResource(runs: Registry['ledger']['organizationRuns'], id: string, resource: Resource) {
  const [{ readTo = null, fullAt = null }, [last], running] = await Promise.all([
    runs.cursor(id, resource),
    runs.list({ organization: id, resource, limit: 1 }),
    runs.running(id, resource),
  ]);
  return { resource, readTo, fullAt, running: running?.id ?? null, last: last ? brief(last) : null };
}

const brief = ({ id, mode, dryRun, startedAt, endedAt, phase, result, message }: OrganizationRun) => ({
  ...{ run: id, mode, dryRun, startedAt, endedAt, phase, result, message },
});

/** So much that somebody can tell which ones they are. */
function showCredentials(organization: Organization, ring: Registry['ring']) {
  const keyId = organization.sealed?.keyId ?? null;
  try {
    const { clientId, mailchimpApiKey } = credentialsOf(organization, ring());
    return { clientId: mask(clientId), hasMailchimpKey: mailchimpApiKey !== undefined, keyId, problem: null };
  } catch (error) {
    if (!(error instanceof CredentialsUnreadable)) throw error;
    return { clientId: null, hasMailchimpKey: null, keyId, problem: error.message };
  }
}

const line = (key: string, value: string): void => print(`${key.padEnd(16)}${value}`);

function show(shown: Shown): void {
  const { credentials, records } = shown;
  line('Organization', `${shown.id}, ${shown.name}${shown.isSandbox ? ' (sandbox)' : ''}`);
  line('Added', showTime(shown.addedAt));
  if (shown.removedAt) line('REMOVED', `${showTime(shown.removedAt)}; its records are kept`);
  line('Time zone', shown.timeZone);
  line('Currency', shown.currency ?? 'gifts of every currency are added up');
  if (shown.audience) showAudience(shown.audience);
  else line('Audience', 'none: its supporters are not written anywhere');
  if (credentials.clientId) line('Client id', `${credentials.clientId}, sealed with key ${credentials.keyId}`);
  else line('CREDENTIALS', credentials.problem ?? '');
  if (shown.paused) line('PAUSED', `since ${showTime(shown.paused.since)}: ${shown.paused.message}`);
  line(
    'Records',
    `${records.supporters} supporters, ${records.campaigns} campaigns, ${records.transactions} transactions, ${records.recurringPlans} recurring plans`,
  );
  line('Missing', `${records.missing} of them are not at Classy any more`);
  line('Set aside', shown.setAside === 0 ? 'none' : `${shown.setAside}: steward organization set-aside ${shown.id}`);
  print();
  printTable(
    ['RESOURCE', 'READ TO', 'LAST FULL', 'LAST RUN', 'MODE', 'RESULT'],
    shown.resources.map(({ resource, readTo, fullAt, last }) => [
      ...[resource, showTime(readTo), showTime(fullAt), showTime(last?.startedAt)],
      ...[last?.dryRun ? 'dry run' : (last?.mode ?? ''), last ? (last.result ?? `runs: ${last.phase}`) : 'never'],
    ]),
  );
  for (const { resource, last } of shown.resources) if (last?.message) print(`${resource}: ${last.message}`);
}

function showAudience(audience: AudienceState): void {
  const { title, activeSubscribers, last } = audience;
  const named = title === null ? '' : `, "${title}", ${activeSubscribers ?? 0} active`;
  const word = stateWord(audience);
  const remarks = remarksOn(audience);
  const state = remarks.find((words) => words.startsWith(`${word}: `)) ?? word;
  line('Audience', `${audience.audience ?? 'unknown'} at ${audience.destination}${named}: ${state}`);
  if (last) line('Last sync of it', `${last.result}, ${showTime(last.endedAt)} (run ${last.run})`);
  for (const words of remarks) if (words !== state) line('', words);
}
