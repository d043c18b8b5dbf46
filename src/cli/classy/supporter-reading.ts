import type { FieldChange } from '../../domain/compare-contact.js';
import { canBeMailed } from '../../domain/donor-contact.js';
import { addressOf } from '../../domain/member.js';
import { segmentRulesOf } from '../../domain/segment-rules.js';
import type { Organization } from '../../ledger/classy/organizations.js';
import type { Gift, Supporter } from '../../ledger/classy/supporters.js';
import { supportersOf } from '../../ledger/classy/supporters-as-people.js';
import type { Ledger } from '../../ledger/ledger.js';
import { CliError } from '../exit.js';
import type { Session } from '../session.js';
import { type AudienceEvidence, audienceOf, evidenceOf } from './audience-evidence.js';
import { type ClassifiedPlan, classifyPlan } from './classify-plan.js';
import { type Derivation, type Deriving, derive } from './derivation.js';
import { observedOf } from './observed.js';
import { unknownOrganization } from './organizations.js';
import { supporterTimeline } from './supporter-timeline.js';
import { type SupporterJudgement, supporterVerdict } from './supporter-verdict.js';

/** One supporter with everything that belongs to it. */
export type ShownSupporter = Supporter & {
  /** Only an exact true of Classy's is consent. */
  isConsent: boolean;
  /** Of the totals; null where gifts of all currencies are added up. */
  currency: string | null;
  gifts: Gift[];
  plans: ClassifiedPlan[];
};

/** All that `supporter show` tells. */
export type ShownSupporters = Awaited<ReturnType<typeof readSupporters>>;

/** What a supporter is read with. */
export type SupporterReader = Pick<Session, 'config' | 'ledger' | 'dataDir' | 'ring'>;

/** Reads the supporters of an organization that have this e-mail address or id, and whoever shares it. @throws CliError when nobody matches */
export async function readSupporters(reader: SupporterReader, organizationId: string, emailOrId: string) {
  const { config, ledger } = reader;
  const organization = await organizationOf(ledger, organizationId);
  const { id, name, timeZone, currency = null } = organization;
  const rules = segmentRulesOf(config.segments, id);
  const supporters = await supportersAt(ledger, organization, rules, emailOrId);
  const address = supporters[0]!.address || null;
  const place = await audienceOf(reader, organization);
  const missingFields = place.found ? await ledger.audiences.missingFields(place.found.audience) : [];
  const by: Deriving = { organization: id, rules, isShared: place.found?.isShared ?? false, missingFields };
  const { donor, now } = await derivationsOf(ledger, address, by);
  const ids = supporters.map((one) => one.id);
  const evidence =
    place.found && address !== null
      ? await evidenceOf(ledger, place, { address, supporters: ids, present: now?.holder })
      : undefined;
  const pending = evidence && donor && now ? evidence.between(donor.holder.contact, now.holder.contact) : [];
  const { verdict, why } = judge({ problem: place.found ? undefined : place.problem, evidence, supporters, pending });
  const shown = donor ?? now;
  const isWanted = place.found !== undefined && shown?.holder.standing === 'wanted';
  return {
    organization: { id, name, timeZone, currency, isRemoved: organization.removedAt !== undefined },
    /** By which of its rules transactions are gifts. */
    rules: { countedStatuses: rules.countedStatuses, amountField: rules.amountField },
    address,
    audience: place.found
      ? {
          id: place.found.audience,
          destination: place.found.kind.name,
          title: evidence?.place?.title ?? null,
          isShared: place.found.isShared,
        }
      : null,
    verdict,
    why,
    differences: verdict === 'differs' && evidence && 'changes' in evidence.finding ? evidence.finding.changes : [],
    /** What the audience should hold; null where it should not hold the address. */
    expected: isWanted ? shown.holder.contact : null,
    observed: evidence ? observedOf(evidence) : null,
    consent: consentShown(supporters),
    namesFrom: shown?.namesFrom ?? null,
    /** As last added up: what audiences are held to; null where nothing was yet. */
    donor: donor ? shownDerivation(donor) : null,
    /** As adding up now would have it, where that is something else. */
    now: now && (!donor || isOther(donor, now)) ? { ...shownDerivation(now), changes: pending } : null,
    timeline: supporterTimeline(supporters, evidence, donor),
    supporters,
  };
}

/** By id that supporter, by address whoever has it: in both cases with everybody at the same address. */
async function supportersAt(
  ledger: Ledger,
  { id, name, currency }: Organization,
  rules: Deriving['rules'],
  emailOrId: string,
): Promise<ShownSupporter[]> {
  const wanted = emailOrId.trim();
  const byId = ID.test(wanted) ? await ledger.supporters.find(id, { id: wanted }) : [];
  const address = byId[0] ? byId[0].address : addressOf(wanted);
  const found = address ? await ledger.supporters.find(id, { address }) : byId;
  if (found.length === 0)
    throw new CliError(
      `Organization ${id} (${name}) has no supporter "${wanted}". If it is new at Classy: steward sync supporters --organization ${id}`,
    );
  const ids = found.map((one) => one.id);
  const [gifts, plans] = await Promise.all([ledger.supporters.gifts(id, ids, rules), ledger.supporters.plans(id, ids)]);
  return found.map((one) => ({
    ...one,
    isConsent: one.emailOptIn === true,
    currency: currency ?? null,
    gifts: gifts.filter(({ supporterId }) => supporterId === one.id),
    plans: plans
      .filter(({ supporterId }) => supporterId === one.id)
      .map((plan) => classifyPlan(plan, one.missingSince === null)),
  }));
}

/** What tags and fields come from: as last added up, and as it would be now. */
async function derivationsOf(
  ledger: Ledger,
  address: string | null,
  by: Deriving,
): Promise<{ donor: Derivation | undefined; now: Derivation | undefined }> {
  if (address === null) return { donor: undefined, now: undefined };
  const [last, present] = await Promise.all([
    ledger.donors.lastReckoning(by.organization),
    ledger.supporters.present(by.organization),
  ]);
  const [added, addedNow] = await Promise.all([
    last && ledger.supporters.addedUp(supportersOf({ ...by, asOfDay: last.asOfDay }), address),
    ledger.donors.preview(by.organization, by.rules, present, address),
  ]);
  return {
    donor: last && added && derive(added, last, by),
    now: addedNow && derive(addedNow, present, by),
  };
}

function judge(about: {
  problem: string | undefined;
  evidence: AudienceEvidence | undefined;
  supporters: readonly ShownSupporter[];
  pending: readonly FieldChange[];
}): SupporterJudgement {
  const { problem, evidence, supporters, pending } = about;
  if (problem !== undefined) return { verdict: 'no audience', why: problem };
  if (!evidence) return { verdict: 'cannot be mailed', why: 'Classy has no e-mail address of them' };
  const living = supporters.filter(({ missingSince }) => missingSince === null);
  return supporterVerdict({
    ...{ evidence, pending },
    living: living.map(({ id }) => id),
    denying: living.filter(({ isConsent }) => !isConsent).map(({ id }) => id),
    isMailable: canBeMailed(evidence.one.holder?.contact.email ?? ''),
  });
}

/** Who said yes and who did not; whoever is not at Classy any more has no say. */
function consentShown(supporters: readonly ShownSupporter[]) {
  const living = supporters.filter(({ missingSince }) => missingSince === null);
  return {
    isGiven: living.length > 0 && living.every(({ isConsent }) => isConsent),
    yes: living.filter(({ isConsent }) => isConsent).map(({ id }) => id),
    no: living
      .filter(({ isConsent }) => !isConsent)
      .map(({ id, emailOptIn }) => ({ supporter: id, optIn: emailOptIn })),
  };
}

const shownDerivation = ({ asOf, asOfDay, namesFrom, inputs, tags, holder }: Derivation) => ({
  ...{ asOf, asOfDay, namesFrom, inputs, tags },
  fields: holder.contact.fields,
});

/** Days go on without anything having changed; what counts is what comes of it. */
function isOther(donor: Derivation, now: Derivation): boolean {
  const said = ({ inputs, namesFrom, tags, holder }: Derivation): string =>
    JSON.stringify([
      Object.entries(inputs).filter(([, value]) => value !== undefined),
      namesFrom,
      tags.map(({ name }) => name),
      holder.contact,
    ]);
  return said(donor) !== said(now);
}

const ID = /^[1-9]\d{0,17}$/;

/** Also one that was removed: its data is kept. */
async function organizationOf({ organizations }: Ledger, id: string): Promise<Organization> {
  const found = ID.test(id) ? await organizations.find(id) : undefined;
  if (!found) throw unknownOrganization(id, await organizations.list());
  return found;
}
