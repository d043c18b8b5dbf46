import { hashOf } from '../../../activities/contact-hash.js';
import type { Destination } from '../../audiences/destination.js';
import {
  type ComparedContact,
  changesOf,
  compareContact,
  type FieldChange,
  type Finding,
} from '../../domain/compare-contact.js';
import type { Contact } from '../../domain/contact.js';
import type { Holder } from '../../domain/plan-contact.js';
import { tagKey } from '../../domain/tag-change.js';
import type { DonorStanding } from '../../ledger/classy/donor-standing.js';
import type { Organization } from '../../ledger/classy/organizations.js';
import type { Ledger } from '../../ledger/ledger.js';
import { type OrganizationAudience, organizationAudiences } from '../processes/organization-audiences.js';
import { audienceDestination, type OrganizationTargetSources, peopleOf } from '../processes/organization-targets.js';

/** Where an organization's supporters go, or why nowhere. */
export type FoundAudience =
  | { found: OrganizationAudience; destination: Destination }
  | { found: undefined; problem: string };

/** Everything that judging an address in an audience goes by. */
export interface AudienceEvidence extends DonorStanding {
  found: OrganizationAudience;
  /** The contact as the next sync would see it. */
  one: ComparedContact;
  /** What the next sync would do about it. */
  finding: Finding;
  /** Whether the newest reading is newer than what calls told of it. */
  isSeenLast: boolean;
  /** Tag names that are ours to give and to take, in lower case. */
  managedTags: ReadonlySet<string>;
  /** What of one contact differs from what another says, as the audience would store both. */
  between(was: Contact, is: Contact): FieldChange[];
}

/** The audience of an organization by the present configuration. */
export async function audienceOf(
  sources: OrganizationTargetSources,
  { id, removedAt }: Organization,
): Promise<FoundAudience> {
  if (removedAt) return { found: undefined, problem: 'the organization was removed: nothing is sent anywhere' };
  const { audiences, problems } = await organizationAudiences(sources);
  const found = audiences.find(({ organization }) => organization.id === id);
  if (found) return { found, destination: audienceDestination(sources, found) };
  const problem = problems.find(({ organization }) => organization.id === id)?.problem;
  return {
    found: undefined,
    problem: problem ?? `nothing is sent anywhere. Give the organization one: steward organization update ${id}`,
  };
}

/** Compares an address with what the ledger and the newest reading know, as a sync does. `present`: who would hold it once added up. */
export async function evidenceOf(
  ledger: Ledger,
  { found, destination }: Extract<FoundAudience, { destination: Destination }>,
  { address, supporters, present }: { address: string; supporters: readonly string[]; present: Holder | undefined },
): Promise<AudienceEvidence> {
  const { audience } = found;
  const people = await peopleOf(ledger, found);
  const standing = await ledger.supporters.standing(audience, address, supporters);
  const { seen, contact, place } = standing;
  const isSeenLast = seen !== undefined && !(contact?.listStateAt && contact.listStateAt > seen.at);
  const [loaded] = await ledger.reconcile.load({ audience, people, readBy: isSeenLast ? seen.run : undefined }, [
    address,
  ]);
  const one = { ...loaded!, holder: loaded!.holder ?? present };
  const managedTags = new Set([...(place?.tagNames ?? []), ...people.catalogue].map(tagKey));
  const { storedFields } = destination;
  const finding = compareContact(one, {
    ...{ rules: people.rules, managedTags, now: new Date(), hashOf, storedFields },
    readFrom: isSeenLast && seen.state === 'Absent' ? seen.at : undefined,
  });
  const between = (was: Contact, is: Contact): FieldChange[] => {
    const { name = was.name, ...fields } = storedFields(was);
    return changesOf({ name, fields, tags: was.tags ?? [] }, is, { storedFields, managedTags });
  };
  return { ...standing, found, one, finding, isSeenLast, managedTags, between };
}
