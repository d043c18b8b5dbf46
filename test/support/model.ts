import type { Delivery } from '../../src/sandbox/index.js';
import type { World } from './world.js';

interface Payload {
  member: { current: { email?: string; name?: string; status?: string }; previous: { email?: string } };
}

/** What a list must hold after these deliveries, by a model that knows nothing of Steward: the last one of each member counts. */
export function expectedList(deliveries: readonly Delivery[]): Map<string, { name: string; status: string }> {
  const last = new Map<string, Delivery>();
  for (const delivery of deliveries) {
    const before = last.get(delivery.memberId);
    if (before?.event !== 'member.deleted' && (!before || delivery.t > before.t || delivery.event === 'member.deleted'))
      last.set(delivery.memberId, delivery);
  }
  const expected = new Map<string, { name: string; status: string }>();
  for (const { event, body } of last.values()) {
    const { current } = (JSON.parse(body) as Payload).member;
    if (event !== 'member.deleted')
      expected.set(current.email!.toLowerCase(), { name: current.name ?? '', status: current.status ?? '' });
  }
  return expected;
}

/** What the list holds: the Active subscribers. */
export function activeList({ cm, listId }: World): Map<string, { name: string; status: string }> {
  const active = [...cm.state.list(listId)!.subscribers].filter(([, { state }]) => state === 'Active');
  return new Map(
    active.map(([address, { name, fields }]) => [address, { name, status: fields.get('ghost_status') ?? '' }]),
  );
}

/** Addresses whose writes did not come in the order of the numbers at the end of their names. */
export function wentBack({ cm, listId }: World): string[] {
  const newest = new Map<string, number>();
  const wrong = new Set<string>();
  for (const write of cm.state.writes) {
    if (write.listId !== listId) continue;
    const number = Number(/(\d+)$/.exec(write.name)?.[1] ?? -1);
    if (number < (newest.get(write.address) ?? -1)) wrong.add(write.address);
    newest.set(write.address, Math.max(number, newest.get(write.address) ?? -1));
  }
  return [...wrong];
}
