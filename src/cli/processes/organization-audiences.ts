import type { z } from 'zod';
import { AudienceMisconfigured } from '../../../activities/audience-target.js';
import type { DestinationKind } from '../../audiences/destination-kind.js';
import { destinationKinds } from '../../audiences/registry.js';
import type { Config } from '../../config/config.js';
import { type SegmentRules, segmentRulesOf } from '../../domain/segment-rules.js';
import type { Organization } from '../../ledger/classy/organizations.js';
import { CredentialsUnreadable, type KeyRing } from '../../ledger/credentials.js';
import type { Ledger } from '../../ledger/ledger.js';
import type { KnownAudience } from '../../server/audience-health.js';
import type { ScheduledAudience } from '../../temporal/schedules.js';
import { credentialsOf } from '../credentials.js';

/** What is known of an organization's audience from the configuration and the ledger. */
export interface OrganizationAudience {
  organization: Organization;
  /** Its key in the ledger. */
  audience: string;
  kind: DestinationKind;
  settings: unknown;
  rules: SegmentRules;
  /** Whether another organization had the same place before it. */
  isShared: boolean;
}

/** The audience that an organization has, or is to have. */
interface AudienceClaim {
  organization: { id: string };
  audience: string;
  rules: { prefix: string };
}

/** An organization whose audience cannot be written to, and why. */
export interface AudienceProblem {
  organization: Organization;
  /** Its key in the ledger, where it is known. */
  audience: string | undefined;
  problem: string;
}

/** What finding the audiences needs. */
export interface AudienceSources {
  config: Pick<Config, 'audiences' | 'mailchimp' | 'segments' | 'sites'>;
  ledger: Pick<Ledger, 'organizations' | 'audiences'>;
  ring: () => KeyRing;
}

/** The audiences of all configured organizations; those without one are left out, those with a wrong one are told. */
export async function organizationAudiences(
  sources: AudienceSources,
): Promise<{ audiences: OrganizationAudience[]; problems: AudienceProblem[] }> {
  const organizations = await sources.ledger.organizations.list();
  const problems: AudienceProblem[] = [];
  const placed: (OrganizationAudience & { place: string })[] = [];
  for (const organization of organizations) {
    try {
      const found = settingsOf(sources, organization, organizations.length);
      if (!found) continue;
      const audience = found.kind.audienceOf(found.settings);
      const rules = segmentRulesOf(sources.config.segments, organization.id);
      placed.push({
        ...found,
        organization,
        audience,
        rules,
        isShared: false,
        place: `${found.kind.name} ${audience}`,
      });
    } catch (error) {
      if (!(error instanceof AudienceMisconfigured)) throw error;
      problems.push({ organization, audience: organization.mailchimpListId, problem: error.message });
    }
  }
  const owners = await sources.ledger.audiences.owners();
  const audiences: OrganizationAudience[] = [];
  for (const { place, ...one } of placed) {
    const others = placed.filter((other) => other.place === place && other.organization.id !== one.organization.id);
    const site = sources.config.sites.find((of) => `campaign-monitor ${of.audience}` === place);
    const twin = others.find(({ rules }) => rules.prefix.toLowerCase() === one.rules.prefix.toLowerCase());
    if (site)
      problems.push({
        organization: one.organization,
        audience: one.audience,
        problem: `organization ${one.organization.id} has the list of site ${site.name} (${one.audience}): they would take each other's people off. Give it a list of its own (audiences.${one.organization.id} in steward.config.json)`,
      });
    else if (twin)
      problems.push({ organization: one.organization, audience: one.audience, problem: sameAudience(one, twin) });
    else {
      const audience = keyOf(one, others, owners);
      audiences.push({ ...one, audience, isShared: audience !== one.audience && others.length > 0 });
    }
  }
  return { audiences, problems };
}

/**
 * Its key in the ledger: the audience's own for whom it was first synced for, or would be, so that what is known of it stays when
 * others come and go; one with the organization for the others.
 */
function keyOf(
  { audience, organization }: OrganizationAudience,
  others: readonly OrganizationAudience[],
  owners: ReadonlyMap<string, string>,
): string {
  const own = `${audience}.${organization.id}`;
  const owner = owners.get(audience);
  if (owner === organization.id) return audience;
  if (owner !== undefined || owners.get(own) === organization.id) return own;
  return others.some((other) => isEarlier(other.organization, organization)) ? own : audience;
}

const isEarlier = (a: Organization, b: Organization): boolean =>
  a.addedAt.getTime() === b.addedAt.getTime() ? a.id < b.id : a.addedAt < b.addedAt;

/** An audience as its schedule needs it. */
export const toScheduled = ({ audience, organization, kind }: OrganizationAudience): ScheduledAudience => ({
  audience,
  organization: organization.id,
  queue: kind.name,
});

/** The same as health needs them, those with a wrong configuration among them. */
export async function knownAudiences(sources: AudienceSources): Promise<KnownAudience[]> {
  const { audiences, problems } = await organizationAudiences(sources);
  return [
    ...audiences.map(({ audience, organization, kind }) => ({
      organization: organization.id,
      audience,
      destination: kind.name,
    })),
    ...problems.map(({ organization, audience, problem }) => ({
      organization: organization.id,
      audience,
      destination: undefined,
      misconfigured: problem,
    })),
  ];
}

/** Why two organizations cannot have the same audience with the same prefix, and what to do. */
export const sameAudience = (
  { organization, audience, rules }: AudienceClaim,
  twin: Pick<OrganizationAudience, 'organization'>,
): string =>
  `organization ${organization.id} has the same audience (${audience}) and the same tag prefix "${rules.prefix}" as organization ${twin.organization.id}: they would take each other's tags away. ` +
  `Give each an audience of its own (steward organization update), or each a prefix of its own (segments.organizations.${organization.id}.prefix in steward.config.json)`;

/** Where the supporters of an organization go; undefined: nowhere. @throws AudienceMisconfigured */
function settingsOf(
  { config, ring }: AudienceSources,
  organization: Organization,
  count: number,
): { kind: DestinationKind; settings: unknown } | undefined {
  const entry = config.audiences[organization.id];
  if (entry) {
    const { destination, ...settings } = entry;
    return parse(destination, settings, `audiences.${organization.id} in steward.config.json`);
  }
  const listId = organization.mailchimpListId ?? (count === 1 ? config.mailchimp.listId : undefined);
  if (listId === undefined) {
    if (config.mailchimp.listId === undefined) return undefined;
    throw new AudienceMisconfigured(
      `organization ${organization.id} has no audience of its own, and MAILCHIMP_LIST_ID can stand for one organization only: steward organization update ${organization.id} with "mailchimp": {"listId": …}`,
    );
  }
  const apiKey = ownKey(organization, ring) ?? config.mailchimp.apiKey;
  if (apiKey === undefined)
    throw new AudienceMisconfigured(
      `organization ${organization.id} has an audience but no key: set MAILCHIMP_API_KEY, or give the organization its own with steward organization update ${organization.id}`,
    );
  return parse('mailchimp', { apiKey, listId }, `the MailChimp audience of organization ${organization.id}`);
}

function ownKey(organization: Organization, ring: () => KeyRing): string | undefined {
  try {
    return credentialsOf(organization, ring()).mailchimpApiKey;
  } catch (error) {
    if (error instanceof CredentialsUnreadable) throw new AudienceMisconfigured(error.message);
    throw error;
  }
}

function parse(name: string, settings: unknown, where: string): { kind: DestinationKind; settings: unknown } {
  const kinds: Readonly<Record<string, DestinationKind>> = destinationKinds;
  const kind = kinds[name];
  if (!kind)
    throw new AudienceMisconfigured(
      `${where}: destination "${name}" is not known; there are ${Object.keys(kinds).join(', ')}`,
    );
  const parsed = kind.settings.safeParse(settings);
  if (parsed.success) return { kind, settings: parsed.data };
  const told = parsed.error.issues.map(({ path, message }: z.core.$ZodIssue) => `${path.join('.')} ${message}`.trim());
  throw new AudienceMisconfigured(`${where}: ${told.join('; ')}`);
}
