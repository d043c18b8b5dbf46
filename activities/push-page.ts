import { groupBy } from '../src/domain/group-by.js';
import { type ContactPlan, planContact } from '../src/domain/plan-contact.js';
import type { TakenContact } from '../src/ledger/contacts.js';
import type { Settlement } from '../src/ledger/writer.js';
import type { Writing } from './audience-push.js';
import { hashOf } from './contact-hash.js';
import { pushImports } from './push-imports.js';
import { type PersonPlan, pushPerson } from './push-person.js';
import { WAIT_MS } from './retry-later.js';
import { settle } from './settle.js';

/** A due contact and what it needs. */
export interface Planned<P extends ContactPlan = ContactPlan> {
  taken: TakenContact;
  plan: P;
}
export type ImportPlan = Extract<ContactPlan, { do: 'import' }>;

/** People who need calls of their own and are done before the next look at what is due. */
const PERSONS_A_PAGE = 8;
/** Tags that start no automations go person by person: so many are settled before the next look. */
const QUIET_PEOPLE_A_PAGE = 1_000;

/**
 * Works on one page: what needs no call is settled, then a few people who need calls of their own (moves before any import
 * of either address), then everything live, then one call of bulk. What is left stays due and is planned anew.
 */
export async function pushPage(writing: Writing, page: readonly TakenContact[]): Promise<void> {
  const now = new Date();
  const planned = page.map(
    (taken): Planned => ({ taken, plan: planContact(taken, writing.people.rules, now, hashOf) }),
  );
  await settleWithoutCall(writing, planned);

  const persons = planned.filter((one): one is Planned<PersonPlan> => needsOwnCalls(one, writing));
  for (const person of persons.slice(0, PERSONS_A_PAGE)) await pushPerson(writing, person);
  const crowd = persons.slice(PERSONS_A_PAGE).filter(({ taken }) => taken.lane === 'live');
  if (crowd.length > 0) {
    const addresses = crowd.map(({ taken }) => taken.address);
    await writing.ledger.writer.defer(writing.audience, addresses);
  }

  const imports = planned.filter(
    (one): one is Planned<ImportPlan> => one.plan.do === 'import' && !needsOwnCalls(one, writing),
  );
  const { pageSize, batchSize } = writing.destination.limits;
  const live = imports.filter(({ taken }) => taken.lane === 'live');
  const quiet = imports.filter(({ taken }) => taken.quiet).slice(0, QUIET_PEOPLE_A_PAGE);
  const bulk = quiet.length > 0 ? quiet : imports.filter(({ taken }) => taken.lane === 'bulk');
  for (const call of callsOf(live, writing)) await pushImports(writing, [call]);
  // no more than the page is made for: a look for live ones comes first
  await pushImports(writing, callsOf(bulk, writing).slice(0, Math.ceil(pageSize / batchSize)));
}

async function settleWithoutCall(writing: Writing, planned: readonly Planned[]): Promise<void> {
  const { ledger, audience, generation } = writing;
  const settlements = planned.flatMap(({ taken: { address, version, holder }, plan }): Settlement[] =>
    plan.do === 'nothing'
      ? [{ address, version, memberId: holder?.memberId, operation: 'none', outcome: plan.outcome, hash: plan.hash }]
      : [],
  );
  if (settlements.length > 0) await settle(writing, settlements, []);
  const skipped = planned.filter(({ plan }) => plan.do === 'skip').map(({ taken }) => taken);
  if (skipped.length > 0) await ledger.writer.skip(audience, skipped);
  const waiting = planned
    .filter(({ plan }) => plan.do === 'wait')
    .map(({ taken: { address } }) => ({ address, afterMs: WAIT_MS, counts: false, mayStillLand: false }));
  if (waiting.length > 0) await ledger.writer.postpone(audience, generation, waiting);
}

/** Moves, returns, removals and rechecks are read first; so is an addition to a list that mails everybody added. */
function needsOwnCalls({ taken, plan }: Planned, { holdAdditions }: Writing): boolean {
  if (plan.do === 'import') return plan.addition && holdAdditions && !taken.hold?.released;
  return plan.do !== 'nothing' && plan.do !== 'wait' && plan.do !== 'skip';
}

/** Splits imports into calls: one automations flag each, as large as the destination and a suspected poison allow. */
function callsOf(imports: readonly Planned<ImportPlan>[], { destination }: Writing): Planned<ImportPlan>[][] {
  const groups = groupBy(imports, ({ taken, plan }) => `${plan.automations} ${taken.batchLimit ?? ''}`);
  return [...groups.values()].flatMap((group) => {
    const size = Math.min(group[0]?.taken.batchLimit ?? destination.limits.batchSize, destination.limits.batchSize);
    const inOrder =
      group[0]?.taken.batchLimit === undefined
        ? group
        : group.toSorted((a, b) => (a.taken.address < b.taken.address ? -1 : 1));
    return Array.from({ length: Math.ceil(group.length / size) }, (_, index) =>
      inOrder.slice(index * size, (index + 1) * size),
    );
  });
}
