import { tagChange } from '../src/domain/tag-change.js';
import type { Writing } from './audience-push.js';
import { inTurns } from './in-turns.js';
import { withCall } from './push-call.js';
import type { ImportPlan, Planned } from './push-page.js';
import { pushTags, type Tagged } from './push-tags.js';
import { postpone } from './retry-later.js';
import { settleOutcomes } from './settle-outcomes.js';

/** Pushes calls of different people side by side, then the tags of all of them together. */
export async function pushImports(writing: Writing, calls: readonly Planned<ImportPlan>[][]): Promise<void> {
  const tagged: Tagged[] = [];
  try {
    await inTurns(writing, calls, async (call) => {
      tagged.push(...(await pushTogether(writing, call)));
    });
  } catch (error) {
    const { ledger, audience, generation } = writing;
    const left = tagged.map(({ taken }) => taken.address);
    if (left.length > 0) await ledger.writer.release(audience, generation, left);
    throw error;
  }
  if (tagged.length > 0) await pushTags(writing, tagged);
}

/**
 * Pushes contacts in one call and settles each by its own outcome; gives those whose tags are still to be changed. @throws
 * VendorError when the whole audience is concerned
 */
async function pushTogether(writing: Writing, planned: readonly Planned<ImportPlan>[]): Promise<Tagged[]> {
  const { destination, managedTags, ledger, audience, generation } = writing;
  const call = await stillWanted(writing, planned);
  if (call.length === 0) return [];
  const contacts = call.map(({ plan }) => plan.contact);
  const automations = call[0]?.plan.automations ?? false;
  const outcomes = await withCall(writing, call, () => destination.push(contacts, { automations, resubscribe: false }));
  if (!outcomes) return [];
  const all = call.map(({ taken, plan }, index): Tagged => {
    const outcome = outcomes[index]!;
    const had = outcome.kind === 'stored' && destination.tagging ? outcome.tags : undefined;
    const change = tagChange(had, plan.contact.tags, managedTags);
    const storedState = writing.doubleOptIn && plan.addition ? 'Unconfirmed' : 'Active';
    const { contact, hash, addition } = plan;
    return { taken, contact, hash, operation: 'import', outcome, added: addition, storedState, change };
  });
  const needsTags = ({ change: { add, remove } }: Tagged): boolean => add.length + remove.length > 0;
  await settleOutcomes(
    writing,
    all.filter((one) => !needsTags(one)),
  );
  const tagged = all.filter(needsTags);
  const created = tagged.filter(({ outcome }) => outcome.kind === 'stored' && outcome.created);
  if (created.length > 0)
    await ledger.writer.noteAdded(
      audience,
      generation,
      created.map(({ taken: { address } }) => address),
    );
  return tagged;
}

/** A page may have taken minutes: who said no meanwhile is planned anew. */
async function stillWanted(writing: Writing, call: readonly Planned<ImportPlan>[]): Promise<Planned<ImportPlan>[]> {
  const addresses = call.map(({ taken }) => taken.address);
  const withdrawn = await writing.ledger.writer.withdrawn(writing.people, addresses);
  const saidNo = call.filter(({ taken }) => withdrawn.has(taken.address));
  if (saidNo.length > 0)
    await postpone(
      writing,
      saidNo.map(({ taken }) => taken),
      { afterMs: 0, counts: false },
    );
  return call.filter(({ taken }) => !withdrawn.has(taken.address));
}
