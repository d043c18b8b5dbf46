import type { Organization } from '../../ledger/classy/organizations.js';
import { CliError, ExitCode } from '../exit.js';
import type { Session } from '../session.js';

/** The configured organization of this id, or all of them. @throws CliError naming those there are */
export async function chosenOrganizations(
  { ledger }: Pick<Session, 'ledger'>,
  id: string | undefined,
): Promise<Organization[]> {
  const all = await ledger.organizations.list();
  if (all.length === 0)
    throw new CliError('No organization is configured. Add one: steward organization add', ExitCode.Usage);
  const chosen = id === undefined ? all : all.filter((one) => one.id === id);
  if (chosen.length === 0) throw unknownOrganization(id!, all);
  return chosen;
}

/** Says that there is none of this id, and which there are. */
export const unknownOrganization = (id: string, all: readonly Organization[]): CliError =>
  new CliError(
    `There is no organization "${id}". Configured: ${all.map((one) => `${one.id} (${one.name})`).join(', ') || 'none; see steward organization add'}.`,
    ExitCode.Usage,
  );
