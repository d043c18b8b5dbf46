import type { Command } from 'commander';
import { sealCredentials } from '../credentials.js';
import { CliError, ExitCode } from '../exit.js';
import { askForEntry } from '../organization/ask.js';
import { nameThem, type Opened, openAtClassy } from '../organization/at-classy.js';
import { checkAtMailchimp, tellOfAudiences } from '../organization/at-mailchimp.js';
import { type Confirmed, warnOfCurrency, zoneOf } from '../organization/confirmed.js';
import { type Entry, entrySchema, readFrom } from '../organization/entry.js';
import { ringToSeal } from '../organization/key-ring.js';
import { type Registry, refuseInSandbox, withRegistry } from '../organization/registry.js';
import { setSchedules } from '../organization/schedules.js';
import { hasTerminal, withTerminal } from '../organization/terminal.js';
import { print, printJson } from '../output.js';
import { organizationAudiences } from '../processes/organization-audiences.js';

const HOW =
  'Nobody is there to ask. Give it as JSON: steward organization add --from FILE, or --from - for standard input: {"name", "clientId", "clientSecret", "organizationId", "timeZone", "currency", "mailchimp": {"apiKey", "listId"}}; the last four may be left out.';

/** `steward organization add`. */
export function registerOrganizationAdd(organization: Command): void {
  organization
    .command('add')
    .description('add an organization; its credentials are tried at Classy and MailChimp and stored encrypted')
    .option(
      '--from <file>',
      'read it as JSON from a file, or from standard input for -; asks on the terminal otherwise',
    )
    .option('--json', 'print JSON', false)
    .action(async ({ from, json }: { from?: string; json: boolean }) => {
      if (from === undefined && !hasTerminal()) throw new CliError(HOW, ExitCode.Usage);
      const entry = from === undefined ? undefined : await readFrom(from, entrySchema);
      await withRegistry(async (registry) => {
        refuseInSandbox(registry);
        const added = entry
          ? await examine(registry, entry)
          : await withTerminal((terminal) => askForEntry(terminal, registry, (id) => refuseKnown(registry, id)));
        const { mailchimpListId: listId, credentials } = added;
        const apiKey = credentials.mailchimpApiKey;
        if (listId !== undefined && apiKey !== undefined)
          await checkAtMailchimp(registry, { organization: added, apiKey, listId });
        await store(registry, added);
        const isScheduled = await setSchedules(registry);
        await tellOfAudiences(registry);
        if (json) printJson({ organization: added.id });
        else await tell(registry, added, isScheduled);
      });
    });
}

async function examine(registry: Registry, entry: Entry): Promise<Confirmed> {
  if (entry.organizationId) await refuseKnown(registry, entry.organizationId);
  const opened = await openAtClassy(registry, entry);
  const found = await opened.choose(entry.organizationId ?? onlyOne(opened));
  await refuseKnown(registry, found.id);
  const { name, clientId, clientSecret, mailchimp, currency, timeZone } = entry;
  warnOfCurrency(currency, found);
  return {
    ...{ id: found.id, name, timeZone: timeZone ?? zoneOf(found) },
    currency: currency === undefined ? found.currency : (currency ?? undefined),
    mailchimpListId: mailchimp?.listId,
    credentials: { clientId, clientSecret, mailchimpApiKey: mailchimp?.apiKey },
  };
}

function onlyOne({ organizations }: Opened): string {
  if (organizations.length === 1) return organizations[0]!.id;
  throw new CliError(
    `These credentials open ${organizations.length} organizations: say which by organizationId. They open: ${nameThem(organizations)}. Nothing was stored.`,
    ExitCode.Usage,
  );
}

async function refuseKnown({ ledger, run }: Registry, id: string): Promise<void> {
  const known = await ledger.organizations.find(id);
  // what the sandbox made up is no organization once the sandbox is left
  if (!known || known.removedAt || (known.isSandbox && !run?.sandbox)) return;
  throw new CliError(
    `Organization ${id} (${known.name}) is there already. To change it: steward organization update ${id}`,
    ExitCode.Refused,
  );
}

async function store(registry: Registry, { credentials, ...organization }: Confirmed): Promise<void> {
  const { organizations } = registry.ledger;
  const known = await organizations.find(organization.id);
  if (known?.isSandbox) {
    process.stderr.write(`What the sandbox made up for organization ${organization.id} is deleted.\n`);
    await organizations.purge(organization.id);
  }
  const sealed = sealCredentials(await ringToSeal(registry), organization.id, credentials);
  await organizations.save({ ...organization, isSandbox: false, sealed });
}

async function tell(
  registry: Registry,
  { id, name, timeZone, currency }: Confirmed,
  isScheduled: boolean,
): Promise<void> {
  print(`Organization ${id} (${name}) is added: ${currency ?? 'gifts of every currency'}, days in ${timeZone}.`);
  if (isScheduled)
    print(`Its first scheduled runs read everything. Not to wait: steward sync all full --organization ${id}`);
  else print('It is read once Steward runs: npm start, or steward daemon start.');
  const { audiences } = await organizationAudiences(registry);
  const found = audiences.find(({ organization }) => organization.id === id);
  if (found)
    print(
      `Nobody is written to audience ${found.audience} (${found.kind.title}) before its first sync: steward audience sync ${found.audience} --dry-run`,
    );
}
