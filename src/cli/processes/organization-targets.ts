import { AudienceMisconfigured, type AudienceOf, type AudienceTarget } from '../../../activities/audience-target.js';
import type { Destination } from '../../audiences/destination.js';
import { donorFieldTypes } from '../../domain/donor-contact.js';
import { supportersOf } from '../../ledger/classy/supporters-as-people.js';
import type { KeyRing } from '../../ledger/credentials.js';
import type { People } from '../../ledger/people.js';
import { createDestination, type DestinationSources } from './create-destination.js';
import { type OrganizationAudience, organizationAudiences } from './organization-audiences.js';

/** What the audiences of organizations are made from. */
export interface OrganizationTargetSources extends DestinationSources {
  ring: () => KeyRing;
}

/** Audiences of organizations by their ids; each destination is made once for its present settings, so that it keeps what it learned. */
export function createOrganizationTargets(sources: OrganizationTargetSources): AudienceOf {
  const made = new Map<string, { key: string; destination: Destination }>();
  const destinationOf = async (one: OrganizationAudience): Promise<Destination> => {
    const key = JSON.stringify([one.kind.name, one.settings, one.rules.fields, one.rules.onOptOut]);
    const known = made.get(one.audience);
    if (known?.key === key) return known.destination;
    const destination = audienceDestination(sources, one);
    made.set(one.audience, { key, destination });
    // other fields, another key: it is looked at before it is written to
    await sources.ledger.audiences.requireCheck(one.audience);
    return destination;
  };
  return async (audience) => {
    const { audiences, problems } = await organizationAudiences(sources);
    const found = audiences.find((one) => one.audience === audience);
    if (found) return targetOf(sources, found, await destinationOf(found));
    const problem = problems.find((one) => one.audience === audience);
    if (problem) throw new AudienceMisconfigured(problem.problem);
    return undefined;
  };
}

/** The destination of an organization's audience. */
export const audienceDestination = (sources: DestinationSources, one: OrganizationAudience): Destination =>
  createDestination(sources, one.kind, one.settings, {
    audience: one.audience,
    fields: donorFieldTypes(one.rules),
    onRemoval: one.rules.onOptOut === 'archive' ? 'archive' : 'unsubscribe',
  });

const targetOf = (
  { ledger }: OrganizationTargetSources,
  one: OrganizationAudience,
  destination: Destination,
): AudienceTarget => ({
  place: { audience: one.audience, destination: one.kind.name, organization: one.organization.id },
  destination,
  people: () => peopleOf(ledger, one),
});

/** The supporters of an organization, as their donors were last added up, and as far as their destination can follow. */
export async function peopleOf(
  ledger: OrganizationTargetSources['ledger'],
  { organization, audience, rules, isShared, kind }: Omit<OrganizationAudience, 'settings'>,
): Promise<People> {
  const reckoning = await ledger.donors.lastReckoning(organization.id);
  const asOfDay = reckoning?.asOfDay ?? new Date().toISOString().slice(0, 10);
  const missingFields = await ledger.audiences.missingFields(audience);
  const { moves, tags } = kind.capabilities({ onRemoval: 'unsubscribe' });
  const people = supportersOf({
    organization: organization.id,
    rules,
    asOfDay,
    isShared,
    missingFields,
    hasTags: tags,
  });
  return { ...people, rules: { ...people.rules, moves } };
}
