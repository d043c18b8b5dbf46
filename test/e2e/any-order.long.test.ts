import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Delivery, type SandboxGhost, seededRandom } from '../../src/sandbox/index.js';
import { deliver, record, shuffle } from '../support/recorded.js';
import { createTestbed, type Testbed, tickingClock } from '../support/testbed.js';
import { differences } from '../support/truth.js';

const MEMBERS = 100;
const sites = [
  { name: 'calm', faults: {} },
  { name: 'keyed', faults: {}, withKey: true },
  { name: 'failing', faults: { failEvery: { nth: 20, status: 500 } } },
  { name: 'busy', faults: { failEvery: { nth: 20, status: 429 } } },
] as const;

let bed: Testbed;

beforeAll(async () => {
  bed = await createTestbed({
    name: 'any_order',
    sites: sites.map((site) => ({ name: site.name, withKey: 'withKey' in site, now: tickingClock() })),
    file: { timeouts: { 'campaign-monitor': '5s' }, guard: { people: 1000 } },
  });
  await bed.start();
}, 60_000);
afterAll(() => bed.stop());

/** Five events for each member, interleaved; every fourth member is deleted in the end. */
function live(ghost: SandboxGhost): void {
  const ids = Array.from(
    { length: MEMBERS },
    (_, n) => ghost.members.add({ email: `m${n}@example.org`, name: `Member ${n}` }).id,
  );
  const each = (act: (id: string, n: number) => void): void => ids.forEach(act);
  each((id, n) => ghost.members.edit(id, { name: `Renamed ${n}`, labels: ['First'] }));
  each((id) => ghost.members.edit(id, { status: 'paid', labels: ['First', 'Second'] }));
  each((id, n) => ghost.members.edit(id, n % 3 === 0 ? { email: `moved${n}@example.org` } : { newsletters: [] }));
  each((id, n) =>
    n % 4 === 0 ? ghost.members.remove(id) : ghost.members.edit(id, { status: 'comped', labels: ['Third'] }),
  );
}

describe.each(sites)(
  'members with 5 events each, out of order and twice, at the site that is $name',
  ({ name, faults }) => {
    test('every member ends right', async () => {
      const ghost = bed.ghost(name);
      const deliveries: Delivery[] = await record(ghost, () => live(ghost));
      expect(deliveries).toHaveLength(MEMBERS * 5);
      bed.cm.faults.set(faults);
      const statuses = await deliver(bed.url, name, shuffle([...deliveries, ...deliveries], seededRandom(11)));
      expect(new Set(statuses)).toEqual(new Set([202]));
      await bed.settled(120_000);
      bed.cm.faults.clear();
      expect(differences(bed, name)).toEqual([]);
      const previous = ghost.members
        .ids()
        .map((id) => bed.subscriber(name, ghost.members.get(id)!.email)?.fields.get('ghost_previous_status'));
      expect(new Set(previous)).toEqual(new Set(['paid']));
      expect(await bed.ledger.parked.list()).toEqual([]);
    }, 180_000);
  },
);
