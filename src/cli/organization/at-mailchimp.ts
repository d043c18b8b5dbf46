import { destinationKinds } from '../../audiences/registry.js';
import { segmentRulesOf } from '../../domain/segment-rules.js';
import { VendorError } from '../../vendors/errors.js';
import { dataCentreOf } from '../../vendors/mailchimp/client.js';
import { CliError, ExitCode } from '../exit.js';
import { createDestination } from '../processes/create-destination.js';
import { organizationAudiences, sameAudience } from '../processes/organization-audiences.js';
import type { Registry } from './registry.js';

/** The MailChimp audience that an organization is to have. */
export interface AskedAudience {
  organization: { id: string };
  apiKey: string;
  listId: string;
}

/** Nobody waits at a terminal for as long as a sync does. */
const PATIENCE_MS = 10_000;

/**
 * Tries a key and an audience at MailChimp, and looks whether another organization writes to it; where MailChimp does not answer,
 * says that it was not tried. @throws CliError that says what to do; nothing was stored by then
 */
export async function checkAtMailchimp(registry: Registry, asked: AskedAudience): Promise<void> {
  const { config, ledger, dataDir } = registry;
  const { apiKey, listId } = asked;
  const kind = destinationKinds.mailchimp;
  const parsed = kind.settings.safeParse({ apiKey, listId });
  if (!parsed.success) throw refused(`mailchimp.listId ${parsed.error.issues[0]?.message}.`);
  if (dataCentreOf(apiKey) === undefined)
    throw refused('The MailChimp key names no data centre: copy it whole, with its end such as -us21.');
  await refuseShared(registry, asked);
  const timeouts = { ...config.timeouts, mailchimp: Math.min(PATIENCE_MS, config.timeouts.mailchimp) };
  const sources = { config: { ...config, timeouts }, ledger, dataDir };
  const destination = createDestination(sources, kind, parsed.data, {
    ...{ audience: listId, fields: {}, onRemoval: 'unsubscribe' },
  });
  try {
    await destination.probe();
  } catch (error) {
    if (!(error instanceof VendorError)) throw error;
    const { kind: failure, status } = error.details;
    if (failure === 'refused' && status === 404)
      throw refused(
        `The MailChimp key works, but there is no audience ${listId} in its account: see Audience → Settings → Audience name and defaults.`,
      );
    if (failure === 'refused') throw refused(`MailChimp refuses this key (${error.message}): check it.`);
    process.stderr.write(
      `MailChimp does not answer as it should (${error.message}): key and audience were not checked. Do so later: steward doctor\n`,
    );
  }
}

const refused = (problem: string): CliError => new CliError(`${problem} Nothing was stored.`);

/** Two organizations with one prefix would take each other's tags away. */
async function refuseShared(
  { config, ledger, ring }: Registry,
  { organization, listId }: AskedAudience,
): Promise<void> {
  const others = (await ledger.organizations.list()).filter(({ id }) => id !== organization.id);
  const organizations = { ...ledger.organizations, list: async () => others };
  const { audiences } = await organizationAudiences({
    config,
    ledger: { organizations, audiences: ledger.audiences },
    ring,
  });
  const { prefix } = segmentRulesOf(config.segments, organization.id);
  const twin = audiences.find(
    ({ kind, settings, rules }) =>
      kind.name === 'mailchimp' &&
      kind.audienceOf(settings) === listId &&
      rules.prefix.toLowerCase() === prefix.toLowerCase(),
  );
  // where the configuration file sends its people elsewhere, this audience is not written to
  if (!twin || config.audiences[organization.id]) return;
  const problem = sameAudience({ organization, audience: listId, rules: { prefix } }, twin);
  throw new CliError(`Refused: ${problem}. Nothing was stored.`, ExitCode.Refused);
}

/** Says on standard error which audiences cannot be written to now: one for all stops being enough with a second organization. */
export async function tellOfAudiences({ config, ledger, ring }: Registry): Promise<void> {
  const { problems } = await organizationAudiences({ config, ledger, ring });
  for (const { problem } of problems) process.stderr.write(`Not synced: ${problem}\n`);
}
