import { type Destination, NOTE } from '../../audiences/destination.js';
import type { Config } from '../../config/config.js';
import type { Organization } from '../../ledger/classy/organizations.js';
import { CredentialsUnreadable } from '../../ledger/credentials.js';
import type { Ledger } from '../../ledger/ledger.js';
import { VendorError } from '../../vendors/errors.js';
import { credentialsOf, keyRingOf } from '../credentials.js';
import { type OrganizationAudience, organizationAudiences } from '../processes/organization-audiences.js';
import { audienceDestination } from '../processes/organization-targets.js';
import { classyClientOf } from '../processes/targets.js';
import { type Finding, UNLIMITED } from './finding.js';

/** Whether an organization's credentials decrypt and Classy takes them. */
export async function examineOrganization(
  config: Config,
  dataDir: string,
  organization: Organization,
  ledger: Ledger,
): Promise<Finding> {
  const what = `${organization.name} (${organization.id}): Classy`;
  try {
    const credentials = credentialsOf(organization, keyRingOf(config, dataDir)());
    await classyClientOf({ ...config, rateLimits: UNLIMITED }, credentials, ledger).probe(organization.id);
    return { what, state: 'ok', found: 'answers, the credentials work' };
  } catch (error) {
    if (error instanceof CredentialsUnreadable)
      return { what, state: 'wrong', found: 'the credentials cannot be decrypted', advice: error.message };
    if (!(error instanceof VendorError)) throw error;
    const advice =
      error.details.kind === 'refused'
        ? `Check client id and secret: steward organization update ${organization.id}.`
        : 'Is api.classy.org reachable from here (or CLASSY_API_URL right)?';
    return { what, state: 'wrong', found: error.message, advice };
  }
}

/** Audiences of organizations: whether each can be written to, and what it waits for. Nothing is changed there. */
export async function examineAudiences(config: Config, dataDir: string, ledger: Ledger): Promise<Finding[]> {
  const sources = { config: { ...config, rateLimits: UNLIMITED }, ledger, dataDir, ring: keyRingOf(config, dataDir) };
  const { audiences, problems } = await organizationAudiences(sources);
  const states = await ledger.audiences.list();
  const nameOf = ({ id, name }: Organization): string => `${name} (${id}): audience`;
  const findings = problems.map(
    ({ organization, problem }): Finding => ({
      what: nameOf(organization),
      state: 'wrong',
      found: 'is misconfigured, and not synced',
      advice: problem,
    }),
  );
  for (const one of audiences) {
    const what = nameOf(one.organization);
    const state = states.find(({ audience }) => audience === one.audience);
    findings.push(await examineAudience(what, one, audienceDestination(sources, one)));
    for (const problem of state?.problems ?? [])
      findings.push(
        problem.startsWith(NOTE)
          ? { what, state: 'ok', found: problem.slice(NOTE.length) }
          : { what, state: 'wrong', found: 'the last check found a problem', advice: problem },
      );
    if (!state?.adoptedAt)
      findings.push({
        what,
        state: 'warning',
        found: 'its first sync is still to be done; until then nobody is written to',
        advice: `steward audience sync ${one.audience} --dry-run, then steward audience apply <plan>`,
      });
  }
  return findings;
}

async function examineAudience(
  what: string,
  { audience, kind }: OrganizationAudience,
  destination: Destination,
): Promise<Finding> {
  try {
    const { doubleOptIn } = await destination.probe();
    const found = `${audience} at ${kind.title} answers`;
    return doubleOptIn
      ? { what, state: 'warning', found, advice: 'It asks everybody added to confirm by mail: make it single opt-in.' }
      : { what, state: 'ok', found };
  } catch (error) {
    if (!(error instanceof VendorError)) throw error;
    const advice = {
      refused: `Check its key and id: the key must be of the account that the audience is in (steward organization update).`,
      'rate-limited': 'It asks us to wait: try again in a minute.',
      rejected: 'Look at steward audience list, and try again later.',
      down: `Is ${kind.title} reachable from here (or its API URL right, if you set it)?`,
    }[error.details.kind];
    return { what, state: 'wrong', found: error.message, advice };
  }
}
