import type { Contact } from '../../domain/contact.js';
import { canBeMailed, donorToContact } from '../../domain/donor-contact.js';
import type { Holder, Standing } from '../../domain/plan-contact.js';
import { catalogueOf, type SegmentRules } from '../../domain/segment-rules.js';
import { Prisma } from '../client/client.js';
import type { People } from '../people.js';
import { consentAt, type DonorColumns, donorColumns, toInputs } from './donors.js';

/** What the audience of an organization goes by. */
export interface SupportersOptions {
  organization: string;
  rules: SegmentRules;
  /** The day as of which donors were added up, `YYYY-MM-DD`. */
  asOfDay: string;
  /** Whether another organization had the same audience before: then names and tags are all that this one writes. */
  isShared: boolean;
  /** Fields that the audience does not take. */
  missingFields?: readonly string[];
  /** Whether the audience has tags. */
  hasTags?: boolean;
}

/** What the runs of an organization's audience are filed under. */
export const scopeOf = (organization: string): string => `organization/${organization}`;

/**
 * The supporters of an organization as people of an audience: those who share an address are one person, who may be written to
 * only while every one of them says yes. Consent is what the ledger knows at that moment, whenever donors were added up.
 */
export function supportersOf(options: SupportersOptions): People {
  const { organization, rules, asOfDay, isShared, missingFields = [], hasTags = true } = options;
  const isWritten = (field: string): boolean =>
    !missingFields.includes(field) && (!isShared || NAME_FIELDS.includes(field));
  const fieldsOf = (fields: Contact['fields']): Contact['fields'] =>
    Object.fromEntries(Object.entries(fields).filter(([field]) => isWritten(field)));
  const people: People = {
    scope: scopeOf(organization),
    rules: { keepsDeleted: rules.onOptOut === 'leave', takesOff: 'ours', comesBack: false, moves: true },
    parks: false,
    byId: (id) => Prisma.sql`(
      SELECT p.id::text AS member_id, p.address, p.missing_since AS deleted_at, p.observed_at,
        ${consentAt(organization, 'p')} IS NOT TRUE AS says_no
      FROM supporters p WHERE p.id = nullif(${id}, '')::bigint AND p.organization_id = ${organization}::bigint)`,
    byAddress: Prisma.sql`(
      SELECT d.*, d.supporter_id::text AS member_id, NULL::timestamptz AS deleted_at, d.changed_at AS observed_at,
        ${consentAt(organization, 'd')} AS consent
      FROM donors d WHERE d.organization_id = ${organization}::bigint)`,
    columns: donorColumns,
    toHolder(row): Holder {
      const donor = row as unknown as DonorColumns;
      const { email, first_name: firstName, last_name: lastName, member_id: supporterId } = donor;
      const contact = donorToContact({
        email,
        firstName,
        lastName,
        supporterId,
        inputs: toInputs(donor),
        rules,
        asOfDay,
      });
      return {
        memberId: supporterId,
        contact: { ...contact, fields: fieldsOf(contact.fields), ...(hasTags ? {} : { tags: undefined }) },
        standing: standingOf(donor, rules),
      };
    },
    planned: () => people,
    mayStay: (address) => Prisma.sql`
      SELECT 1 FROM supporters WHERE organization_id = ${organization}::bigint AND address = ${address} AND missing_since IS NULL
      HAVING bool_and(email_opt_in IS TRUE)`,
    withdrawn: (addresses) => Prisma.sql`
      SELECT address FROM supporters WHERE organization_id = ${organization}::bigint AND address = ANY(${[...addresses]})
        AND missing_since IS NULL AND email_opt_in IS NOT TRUE`,
    catalogue: hasTags ? catalogueOf(rules) : [],
  };
  return people;
}

/** Only an exact yes of everybody at the address is consent. */
function standingOf({ email, consent }: DonorColumns, { onOptOut }: SegmentRules): Standing {
  // nobody of those who are there now was added up here: the next adding up tells where they went
  if (consent === null) return 'not-written';
  if (consent !== true) return onOptOut === 'leave' ? 'not-written' : { leaves: 'consent-withdrawn' };
  return canBeMailed(email) ? 'wanted' : 'not-written';
}

/** What a second organization in the same audience may write beside its tags. */
const NAME_FIELDS = ['FNAME', 'LNAME'];
