import type { SiteConfig } from '../../config/site-variables.js';
import type { Contact } from '../../domain/contact.js';
import { addressOf } from '../../domain/member.js';
import { type Evidence, memberVerdict } from '../../domain/member-verdict.js';
import type { AddressPast, MemberPast } from '../../ledger/history.js';
import type { Ledger } from '../../ledger/ledger.js';
import { CliError } from '../exit.js';
import { showTime } from '../output.js';
import { type Expectation, expectationOf, seenOf, settledOf, waitsAt, waitsNow } from './evidence.js';
import { observedOf, proofOf } from './proof.js';
import { type Standing, standingOf } from './standing.js';
import { timelineOf } from './timeline.js';

/** What a member is read with. */
export interface MemberReader {
  ledger: Ledger;
  site: SiteConfig;
  /** How the destination stores a contact. */
  storedFields: (contact: Contact) => Record<string, string>;
  /** The moment that is asked about; now if undefined. */
  at?: Date | undefined;
}

/** All that `member show` tells. */
export type ShownMember = Awaited<ReturnType<typeof readMember>>;

interface Candidate {
  past: MemberPast;
  standing: Standing;
}

/** Reads one member of a site, with the address it holds and whoever shares that. @throws CliError when nobody matches */
export async function readMember(reader: MemberReader, emailOrId: string) {
  const { site, ledger, at } = reader;
  const subject = await findSubject(reader, emailOrId);
  const { facts } = subject.standing;
  const address = facts ? addressOf(facts.email) : null;
  const sharing = address === null ? [] : await candidates(reader, address);
  const others = sharing.filter(
    ({ standing }) => standing.memberId !== subject.standing.memberId && isAt(standing, address!),
  );
  // of several living ids the largest holds the address
  const holder = [subject, ...others].filter(isLiving).sort(byId)[0];
  const judged = holder ?? subject;
  const past = await ledger.history.ofAddress(site.audience, address ?? '', judged.standing.memberId);
  const expectation = expectationOf(site, judged.standing);
  const evidence = await evidenceOf(reader, { subject, judged, address: address ?? '', past, expectation });
  const { verdict, why } = memberVerdict(evidence);
  return {
    site: site.name,
    audience: site.audience,
    memberId: subject.standing.memberId,
    at: at ?? null,
    address,
    holder: holder?.standing.memberId ?? null,
    otherIds: others.map(({ standing }) => standing.memberId),
    others: others.map(({ standing: { memberId, deletedAt } }) => ({ memberId, deletedAt })),
    verdict,
    why,
    differences: verdict === 'differs' ? (seenOf(past, expectation, reader.storedFields, at)?.changes ?? []) : [],
    said: saidOf(subject, at),
    expected: expectation.contact,
    observed: observedOf(past, evidence, at),
    proof: proofOf(past, evidence, address ?? '', at),
    optedOut: past.optOuts.filter((one) => !at || one.at <= at),
    parked: parkedOf(subject.past, at) ?? null,
    held: heldOf(past, at),
    timeline: timelineOf(subject.past, past, address ?? '', at),
  };
}

const isAt = ({ facts }: Standing, address: string): boolean =>
  facts !== undefined && addressOf(facts.email) === address;
const isLiving = ({ standing }: Candidate): boolean => standing.facts !== undefined && standing.deletedAt === null;
const byId = (a: Candidate, b: Candidate): number => (a.standing.memberId < b.standing.memberId ? 1 : -1);

async function candidates({ ledger, site, at }: MemberReader, address: string): Promise<Candidate[]> {
  const ids = await ledger.history.holders(site.name, address);
  const pasts = await Promise.all(ids.map((id) => ledger.history.ofMember(site.name, id)));
  return pasts.map((past) => ({ past, standing: standingOf(past, at) }));
}

/** By id that member; by address whoever holds it, else whoever had it last, else whoever had it once. */
async function findSubject(reader: MemberReader, emailOrId: string): Promise<Candidate> {
  const { ledger, site, at } = reader;
  const rows = await ledger.status.members(site.name, emailOrId);
  const byItsId = rows.find(({ memberId }) => memberId === emailOrId);
  if (byItsId) {
    const past = await ledger.history.ofMember(site.name, byItsId.memberId);
    return { past, standing: standingOf(past, at) };
  }
  const address = addressOf(emailOrId);
  const all = (await candidates(reader, address)).sort(byId);
  const there = all.filter(({ standing }) => isAt(standing, address));
  const found = there.find(isLiving) ?? there[0] ?? all.find(isLiving) ?? all[0];
  if (found) return found;
  const { contact, seen } = await ledger.history.ofAddress(site.audience, address, '');
  const state = seen?.state ?? contact?.listState;
  const onList = state ? ` Campaign Monitor's list says ${state}${seen ? ` (${showTime(seen.at)})` : ''}.` : '';
  throw new CliError(
    `Nobody of site ${site.name} with this e-mail or id is in the ledger. Either nothing of theirs came in, or the spelling differs.${onList}`,
  );
}

async function evidenceOf(
  { ledger, site, storedFields, at }: MemberReader,
  about: {
    subject: Candidate;
    judged: Candidate;
    address: string;
    past: AddressPast;
    expectation: Expectation;
  },
): Promise<Evidence> {
  const { subject, judged, address, past, expectation } = about;
  const parked = parkedOf(judged.past, at) ?? parkedOf(subject.past, at);
  const held = heldOf(past, at).find((one) => one.address === address);
  const waits = at
    ? waitsAt(judged.past, past, address, at)
    : waitsNow(
        { deliveries: [...new Set([subject, judged])].flatMap((one) => one.past.deliveries) },
        past,
        await pausesOf(ledger, site),
      );
  return {
    wanted: expectation.wanted,
    hash: expectation.hash,
    parked: parked && `${parked.step}: ${parked.type}: ${parked.message}`,
    waits,
    held: held && `${held.kind}, ${held.reason}`,
    settled: settledOf(past, address, at),
    seen: seenOf(past, expectation, storedFields, at),
    optedOut: past.optOuts.some((one) => !at || one.at <= at),
    isMissing: !at && subject.past.row.missingRun !== null && subject.past.row.deletedAt === null,
    leftBehind: at ? [] : past.leftBehind.map((one) => one.address),
    adopted: await ledger.runs.isAdopted(site.audience),
  };
}

async function pausesOf(ledger: Ledger, { name, audience }: SiteConfig): Promise<string[]> {
  const [sites, audiences] = await Promise.all([ledger.sites.pauses(), ledger.audiences.pauses()]);
  return [
    ...(sites.has(name) ? [`Ghost is paused: ${sites.get(name)!.message}`] : []),
    ...(audiences.has(audience) ? [`the list is paused: ${audiences.get(audience)!.message}`] : []),
  ];
}

/** What Ghost said last, as of the moment asked about. */
function saidOf({ past, standing }: Candidate, at: Date | undefined) {
  if (!at) return past.row;
  const { facts, deletedAt, changedAt, knowledge } = standing;
  return { ...facts, email: facts?.email ?? null, deletedAt, changedAt, observedAt: null, knowledge };
}

function parkedOf({ parked }: MemberPast, at: Date | undefined) {
  if (!parked) return undefined;
  const { step, type, message, since, clearedAt } = parked;
  const isSo = at ? since <= at && (clearedAt === null || clearedAt > at) : clearedAt === null;
  return isSo ? { step, type, message, since } : undefined;
}

function heldOf({ holds }: AddressPast, at: Date | undefined) {
  return holds
    .filter(({ since, releasedAt }) => (at ? since <= at && (!releasedAt || releasedAt > at) : releasedAt === null))
    .map(({ kind, reason, since, address }) => ({ kind, reason, since, address }));
}
