import type { TakenContact } from '../src/ledger/contacts.js';
import type { Settlement } from '../src/ledger/writer.js';
import type { Writing } from './audience-push.js';

/** The part of a settlement that comes from the contact as it was taken. */
export const settled = ({
  address,
  version,
  holder,
  settledMemberId,
}: TakenContact): Pick<Settlement, 'address' | 'version' | 'memberId'> => ({
  address,
  version,
  memberId: holder?.memberId ?? settledMemberId,
});

/** Writes settlements and counts them. */
export async function settle(
  writing: Writing,
  settlements: readonly Settlement[],
  taken: readonly TakenContact[],
): Promise<void> {
  const { ledger, audience, people, generation, metrics, log } = writing;
  await ledger.writer.settle(audience, people, generation, settlements);
  for (const { outcome, memberId, refusal } of settlements) {
    metrics.pushes.inc({ audience, outcome });
    if (refusal)
      log.warn(
        { site: people.scope, memberId, step: 'pushContact', type: refusal.type },
        'member is parked; see steward parked list',
      );
  }
  const now = Date.now();
  for (const { deliveredAt } of taken) {
    if (deliveredAt)
      metrics.deliveryToDestination.observe({ site: people.scope }, (now - deliveredAt.getTime()) / 1000);
  }
}
