import { CliError, ExitCode } from '../exit.js';
import { type OrganizationAudience, organizationAudiences } from '../processes/organization-audiences.js';
import type { Session } from '../session.js';

/**
 * The organization's audience of this id, or the audience of the organization of this id; the only one where undefined. @throws
 * CliError that names the command which serves, or what is wrong with its configuration
 */
export async function chosenAudience(session: Session, id: string | undefined): Promise<OrganizationAudience> {
  const { audiences, problems } = await organizationAudiences(session);
  const known = audiences.map(({ audience, organization }) => `${audience} (${organization.id}, ${organization.name})`);
  const named = [...known, ...problems.map(({ organization: { id: of, name } }) => `${of} (${name}, misconfigured)`)];
  if (named.length === 0 && id === undefined) throw new CliError(NONE, ExitCode.Usage);
  if (named.length > 1 && id === undefined)
    throw new CliError(`Say which audience: ${named.join(', ')}.`, ExitCode.Usage);
  const isMeant = (one: { audience: string | undefined; organization: { id: string } }): boolean =>
    id === undefined || one.audience === id || one.organization.id === id;
  const found = audiences.find(isMeant);
  if (found) return found;
  const wrong = problems.find(isMeant);
  if (wrong) throw new CliError(`${sentence(wrong.problem)} Nothing was done.`, ExitCode.Usage);
  refuseOfSite(session, id!);
  const shared = audiences.filter(({ audience }) => audience.startsWith(`${id}.`));
  if (shared.length > 0)
    throw new CliError(
      `Audience ${id} is shared by ${shared.length} organizations, each with a part of its own: ${shared.map(({ audience }) => audience).join(', ')}.`,
      ExitCode.Usage,
    );
  throw new CliError(
    named.length === 0 ? NONE : `There is no audience "${id}". There are: ${named.join(', ')}.`,
    ExitCode.Usage,
  );
}

const NONE =
  'No organization has an audience. Give it one: steward organization update <id>, with "mailchimp": {"apiKey", "listId"}; or set MAILCHIMP_API_KEY and MAILCHIMP_LIST_ID.';

/** A site's list is synced with its members. */
function refuseOfSite({ config }: Session, id: string): void {
  const site = config.sites.find(({ name, audience }) => name === id || audience === id);
  if (!site) return;
  throw new CliError(
    `${id === site.name ? `"${id}" is a site` : `${id} is the Campaign Monitor list of site ${site.name}`}: steward site sync ${site.name} --full`,
    ExitCode.Usage,
  );
}

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
