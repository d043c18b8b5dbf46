import type { Command } from 'commander';
import type { Organization } from '../../ledger/classy/organizations.js';
import { CredentialsUnreadable, type Sealed } from '../../ledger/credentials.js';
import { credentialsOf, type OrganizationCredentials, sealCredentials } from '../credentials.js';
import { CliError, ExitCode } from '../exit.js';
import { askForChange } from '../organization/ask.js';
import { openAtClassy } from '../organization/at-classy.js';
import { checkAtMailchimp, tellOfAudiences } from '../organization/at-mailchimp.js';
import { type Change, changeSchema, parseEntry, parseOrganizationId, readFrom } from '../organization/entry.js';
import { ringToSeal } from '../organization/key-ring.js';
import { type Registry, refuseInSandbox, withRegistry } from '../organization/registry.js';
import { setSchedules } from '../organization/schedules.js';
import { hasTerminal, withTerminal } from '../organization/terminal.js';
import { print, printJson } from '../output.js';

interface Options {
  from?: string;
  name?: string;
  timeZone?: string;
  currency?: string;
  json: boolean;
}

const HOW =
  'Nobody is there to ask. Say what to change: --name, --time-zone, --currency, or --from FILE (or - for standard input) with any of {"name", "clientId", "clientSecret", "timeZone", "currency", "mailchimp": {"apiKey", "listId"}} as JSON.';

/** `steward organization update`. */
export function registerOrganizationUpdate(organization: Command): void {
  organization
    .command('update')
    .argument('<id>', "Classy's id", parseOrganizationId)
    .description(
      'change an organization; new credentials are tried at Classy and MailChimp first. Asks on the terminal',
    )
    .option('--from <file>', 'read what changes as JSON from a file, or from standard input for -')
    .option('--name <name>', 'another name')
    .option('--time-zone <zone>', 'IANA name of the time zone in which days are counted')
    .option('--currency <code>', 'whose gifts are added up; all for every currency')
    .option('--json', 'print JSON', false)
    .action(async (id: string, { json, from, ...flags }: Options) => {
      const isAsked = from === undefined && Object.keys(flags).length === 0;
      if (isAsked && !hasTerminal()) throw new CliError(HOW, ExitCode.Usage);
      const change = isAsked
        ? undefined
        : { ...(from === undefined ? {} : await readFrom(from, changeSchema)), ...readFlags(flags) };
      await withRegistry(async (registry) => {
        const present = await registry.configured(id);
        const done = change ?? (await withTerminal((terminal) => askForChange(terminal, present)));
        await apply(registry, present, done);
        if (done.mailchimp !== undefined) {
          await setSchedules(registry);
          await tellOfAudiences(registry);
        }
        const isRecounted = done.currency !== undefined && (done.currency ?? undefined) !== present.currency;
        if (json) return printJson({ organization: id });
        print(`Organization ${id} (${done.name ?? present.name}) is changed.`);
        if (isRecounted) print('Its totals were added up anew, since the currency changed.');
      });
    });
}

function readFlags({ name, timeZone, currency }: Omit<Options, 'json' | 'from'>): Change {
  const given = { name, timeZone, currency: currency === 'all' ? null : currency };
  const flags = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return parseEntry(flags, changeSchema, 'The command');
}

async function apply(registry: Registry, present: Organization, change: Change): Promise<void> {
  const { id } = present;
  if (change.organizationId && change.organizationId !== id)
    throw new CliError(`organizationId is ${change.organizationId}, but ${id} is to be changed.`, ExitCode.Usage);
  const { mailchimp } = change;
  if (mailchimp) {
    refuseInSandbox(registry);
    await checkAtMailchimp(registry, { organization: present, ...mailchimp });
  }
  const credentials = await newCredentials(registry, present, change);
  // read anew: a rotation of the key may have come in between
  const { sealed } = await registry.configured(id);
  await registry.ledger.organizations.save({
    ...{ id, isSandbox: present.isSandbox, name: change.name ?? present.name },
    timeZone: change.timeZone ?? present.timeZone,
    currency: change.currency === undefined ? present.currency : (change.currency ?? undefined),
    mailchimpListId: change.mailchimp === undefined ? present.mailchimpListId : change.mailchimp?.listId,
    sealed: credentials ? await sealAnew(registry, id, credentials) : sealed!,
  });
}

const sealAnew = async (registry: Registry, id: string, credentials: OrganizationCredentials): Promise<Sealed> =>
  sealCredentials(await ringToSeal(registry, { anew: true }), id, credentials);

/** The credentials after the change, tried at Classy where they are others; undefined where nothing of them changes. */
async function newCredentials(
  registry: Registry,
  present: Organization,
  { clientId, clientSecret, mailchimp }: Change,
): Promise<OrganizationCredentials | undefined> {
  if (clientId === undefined && clientSecret === undefined && mailchimp === undefined) return undefined;
  const before = readPresent(registry, present, clientId !== undefined && clientSecret !== undefined);
  const after = {
    clientId: clientId ?? before.clientId,
    clientSecret: clientSecret ?? before.clientSecret,
    mailchimpApiKey: mailchimp === undefined ? before.mailchimpApiKey : mailchimp?.apiKey,
  };
  if (after.clientId !== before.clientId || after.clientSecret !== before.clientSecret) {
    refuseInSandbox(registry);
    const opened = await openAtClassy(registry, after);
    await opened.choose(present.id);
  }
  return after;
}

/** The present credentials; where all that Classy needs is entered anew they need not decrypt. */
function readPresent(registry: Registry, present: Organization, isReplaced: boolean): OrganizationCredentials {
  try {
    return credentialsOf(present, registry.ring());
  } catch (error) {
    if (!(error instanceof CredentialsUnreadable) || !isReplaced) throw error;
    if (present.mailchimpListId !== undefined)
      process.stderr.write('The MailChimp key does not decrypt any more: give mailchimp again, too.\n');
    return { clientId: '', clientSecret: '' };
  }
}
