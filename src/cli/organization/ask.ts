import type { Organization } from '../../ledger/classy/organizations.js';
import type { OpenOrganization } from '../../vendors/classy/client.js';
import { openAtClassy } from './at-classy.js';
import { type Confirmed, zoneOf } from './confirmed.js';
import { type Change, CURRENCY_ADVICE, isCurrency, isTimeZone, TIME_ZONE_ADVICE } from './entry.js';
import type { Registry } from './registry.js';
import type { Terminal } from './terminal.js';

const ALL = 'all';
const NONE = '-';
const notAZone = (answer: string) => (isTimeZone(answer) ? undefined : TIME_ZONE_ADVICE);
const notACurrency = (answer: string) =>
  answer === ALL || isCurrency(answer) ? undefined : `${CURRENCY_ADVICE}, or ${ALL} to add up gifts of every currency`;

/** Asks for an organization; what its credentials open is found out on the way and offered. */
export async function askForEntry(
  terminal: Terminal,
  registry: Registry,
  refuseKnown: (id: string) => Promise<void>,
): Promise<Confirmed> {
  const typed = await terminal.ask('Name (empty: as at Classy)', { fallback: '' });
  const clientId = await terminal.ask('Client id');
  const clientSecret = await terminal.askSecret('Client secret (is not shown)');
  const opened = await openAtClassy(registry, { clientId, clientSecret });
  const found = await opened.choose(await askWhich(terminal, opened.organizations));
  await refuseKnown(found.id);
  const name = typed || found.name || (await terminal.ask('Name'));
  const mailchimpApiKey = await terminal.askSecret('MailChimp API key (is not shown; empty: none)', { fallback: '' });
  const mailchimpListId = mailchimpApiKey === '' ? undefined : await terminal.ask('MailChimp audience (list) id');
  const timeZone = await terminal.ask('Time zone', { fallback: zoneOf(found), wrong: notAZone });
  const currency = await terminal.ask('Currency', { fallback: found.currency ?? ALL, wrong: notACurrency });
  return {
    ...{ id: found.id, name, timeZone, mailchimpListId, currency: currency === ALL ? undefined : currency },
    credentials: { clientId, clientSecret, mailchimpApiKey: mailchimpApiKey || undefined },
  };
}

async function askWhich(terminal: Terminal, organizations: readonly OpenOrganization[]): Promise<string> {
  const [first] = organizations;
  const nameOf = ({ id, name }: OpenOrganization): string => (name === undefined ? id : `${id}, ${name}`);
  if (organizations.length === 1) {
    process.stderr.write(`The credentials open one organization: ${nameOf(first!)}.\n`);
    return first!.id;
  }
  process.stderr.write(organizations.map((one, index) => `  ${index + 1}  ${nameOf(one)}\n`).join(''));
  const at = (answer: string) => organizations.find((_, index) => String(index + 1) === answer);
  const number = await terminal.ask('Which one', {
    wrong: (answer) => (at(answer) ? undefined : `a number from 1 to ${organizations.length}`),
  });
  return at(number)!.id;
}

/** Asks what is to be changed; an empty answer leaves it as it is. */
export async function askForChange(terminal: Terminal, present: Organization): Promise<Change> {
  const name = await terminal.ask('Name', { fallback: present.name });
  const timeZone = await terminal.ask('Time zone', { fallback: present.timeZone, wrong: notAZone });
  const currency = await terminal.ask('Currency', { fallback: present.currency ?? ALL, wrong: notACurrency });
  const clientId = await terminal.ask('Client id (empty: unchanged)', { fallback: '' });
  const clientSecret = await terminal.askSecret('Client secret (is not shown; empty: unchanged)', { fallback: '' });
  const apiKey = await terminal.askSecret(`MailChimp API key (is not shown; empty: unchanged, ${NONE}: none)`, {
    fallback: '',
  });
  const listId =
    apiKey === '' || apiKey === NONE
      ? ''
      : await terminal.ask('MailChimp audience (list) id', {
          ...(present.mailchimpListId === undefined ? {} : { fallback: present.mailchimpListId }),
        });
  return {
    ...{ name, timeZone, currency: currency === ALL ? null : currency },
    ...(clientId === '' ? {} : { clientId }),
    ...(clientSecret === '' ? {} : { clientSecret }),
    ...(apiKey === NONE ? { mailchimp: null } : {}),
    ...(listId === '' ? {} : { mailchimp: { apiKey, listId } }),
  };
}
