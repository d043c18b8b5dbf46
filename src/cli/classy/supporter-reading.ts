import { addressOf } from '../../domain/member.js';
import type { Organization } from '../../ledger/classy/organizations.js';
import type { Gift, Plan, Supporter } from '../../ledger/classy/supporters.js';
import type { Ledger } from '../../ledger/ledger.js';
import { CliError } from '../exit.js';
import { unknownOrganization } from './organizations.js';
import { supporterTimeline, type TimelineEntry } from './supporter-timeline.js';

/** One supporter with everything that belongs to it. */
export type ShownSupporter = Supporter & {
  /** Only an exact true of Classy's is consent. */
  isConsent: boolean;
  /** Of the totals; null where gifts of all currencies are added up. */
  currency: string | null;
  gifts: Gift[];
  plans: Plan[];
};

/** All that `supporter show` tells. */
export interface ShownSupporters {
  organization: { id: string; name: string; currency: string | null; isRemoved: boolean };
  /** What audiences hold is told once there are some. */
  verdict: 'no-audience';
  expected: null;
  observed: null;
  timeline: TimelineEntry[];
  supporters: ShownSupporter[];
}

const ID = /^[1-9]\d{0,17}$/;

/** Reads the supporters of an organization that have this e-mail address or id. @throws CliError when nobody matches */
export async function readSupporters(
  ledger: Ledger,
  organizationId: string,
  emailOrId: string,
): Promise<ShownSupporters> {
  const organization = await organizationOf(ledger, organizationId);
  const { id, name, currency = null } = organization;
  const wanted = emailOrId.trim();
  const found = await ledger.supporters.find(id, ID.test(wanted) ? { id: wanted } : { address: addressOf(wanted) });
  if (found.length === 0)
    throw new CliError(
      `Organization ${id} (${name}) has no supporter "${wanted}". If it is new at Classy: steward sync supporters --organization ${id}`,
    );
  const ids = found.map((one) => one.id);
  const [gifts, plans] = await Promise.all([ledger.supporters.gifts(id, ids), ledger.supporters.plans(id, ids)]);
  const supporters = found.map(
    (one): ShownSupporter => ({
      ...one,
      isConsent: one.emailOptIn === true,
      currency,
      gifts: gifts.filter(({ supporterId }) => supporterId === one.id),
      plans: plans.filter(({ supporterId }) => supporterId === one.id),
    }),
  );
  return {
    organization: { id, name, currency, isRemoved: organization.removedAt !== undefined },
    verdict: 'no-audience',
    expected: null,
    observed: null,
    timeline: supporterTimeline(supporters),
    supporters,
  };
}

/** Also one that was removed: its data is kept. */
async function organizationOf({ organizations }: Ledger, id: string): Promise<Organization> {
  const found = ID.test(id) ? await organizations.find(id) : undefined;
  if (!found) throw unknownOrganization(id, await organizations.list());
  return found;
}
