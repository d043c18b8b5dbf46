import type { ClassyClient, OpenOrganization } from '../../vendors/classy/client.js';
import type { ClassyCredentials } from '../../vendors/classy/token.js';
import { VendorError } from '../../vendors/errors.js';
import { CliError } from '../exit.js';
import { classyClientOf } from '../processes/targets.js';
import type { Registry } from './registry.js';

/** What credentials open at Classy: one organization at least. */
export interface Opened {
  organizations: OpenOrganization[];
  /** The one of this id, once its records can be read. @throws CliError naming those the credentials open */
  choose(id: string): Promise<OpenOrganization>;
}

/** Asks Classy what these credentials open. @throws CliError that says what to do; nothing was stored by then */
export async function openAtClassy({ config, ledger }: Registry, credentials: ClassyCredentials): Promise<Opened> {
  const client = classyClientOf(config, credentials, ledger);
  const organizations = await orExplain(config.classyUrl, () => client.organizations());
  if (organizations.length === 0)
    throw new CliError(
      'Classy takes these credentials, but they open no organization: ask Classy to give the application access to yours. Nothing was stored.',
    );
  return { organizations, choose: (id) => choose(config.classyUrl, client, organizations, id) };
}

/** Organizations as people tell them apart. */
export const nameThem = (organizations: readonly Pick<OpenOrganization, 'id' | 'name'>[]): string =>
  organizations.map(({ id, name }) => (name === undefined ? id : `${id} (${name})`)).join(', ');

async function choose(
  url: string,
  client: ClassyClient,
  organizations: readonly OpenOrganization[],
  id: string,
): Promise<OpenOrganization> {
  const found = organizations.find((one) => one.id === id);
  if (!found)
    throw new CliError(
      `These credentials do not open organization ${id}. They open: ${nameThem(organizations)}. Nothing was stored.`,
    );
  await orExplain(url, () => client.probe(id));
  return found;
}

async function orExplain<T>(url: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof VendorError)) throw error;
    throw new CliError(`${explain(error, url)} Nothing was stored.`);
  }
}

function explain({ message, details: { kind, status, code } }: VendorError, url: string): string {
  if (code === 'CREDENTIALS' && kind === 'refused')
    return 'Classy refuses these credentials: check client id and client secret.';
  if (code === 'PERMISSION')
    return 'Classy takes these credentials, but the application may not read the organization: ask Classy which of its permissions is missing.';
  if (status === 403)
    return 'What stands in front of Classy turns us away: ask Classy for an x-integration-id (classy.headers in steward.config.json).';
  if (kind === 'refused') return `Classy takes these credentials but refuses its own token (${message}).`;
  if (kind === 'rate-limited') return 'Classy asks us to wait: try again in a minute.';
  if (status === 404) return `Classy at ${url} does not know what we ask for: check CLASSY_API_URL if you set it.`;
  return `Classy at ${url} does not answer as it should (${message}): try again later.`;
}
