import type { PushOutcome, TagCall } from '../src/audiences/destination.js';
import type { Contact } from '../src/domain/contact.js';
import { groupBy } from '../src/domain/group-by.js';
import type { TagChange } from '../src/domain/tag-change.js';
import type { Writing } from './audience-push.js';
import { inTurns } from './in-turns.js';
import { withCall } from './push-call.js';
import { type CallOutcome, settleOutcomes } from './settle-outcomes.js';

/** A contact that is stored and whose tags are still to be changed. */
export interface Tagged extends CallOutcome {
  contact: Contact;
  change: TagChange;
}

/** A person whose tags are changed by several calls: settled when all of them have ended. */
interface Progress {
  one: Tagged;
  left: number;
  /** The last answer that was not `stored`. */
  doubt?: PushOutcome;
  /** A call about them failed: they are tried again, and not settled. */
  hasFailed: boolean;
}

/** Changes the tags of people who are stored, and settles each when the destination confirmed all that was theirs. */
export async function pushTags(writing: Writing, tagged: readonly Tagged[]): Promise<void> {
  const { destination, ledger, audience, generation } = writing;
  const groups = groupBy(tagged, ({ taken }) => `${taken.quiet} ${taken.batchLimit ?? ''}`);
  const begun = new Set<Tagged>();
  try {
    for (const group of groups.values()) {
      const { quiet, batchLimit = group.length } = group[0]!.taken;
      for (let from = 0; from < group.length; from += batchLimit) {
        const part = group.slice(from, from + batchLimit);
        const progress = part.map((one): Progress => ({ one, left: 0, hasFailed: false }));
        const people = part.map(({ contact, change }) => ({ email: contact.email, ...change }));
        const calls = destination.tagging!.calls(people, quiet);
        for (const { people: places } of calls) for (const place of places) progress[place]!.left += 1;
        await inTurns(writing, calls, (call) => pushTagCall(writing, call, progress, begun));
      }
    }
  } finally {
    // whoever is left because this writer ends is nobody's call any more
    const left = tagged.filter((one) => !begun.has(one)).map(({ taken }) => taken.address);
    if (left.length > 0) await ledger.writer.release(audience, generation, left);
  }
}

async function pushTagCall(
  writing: Writing,
  call: TagCall,
  all: readonly Progress[],
  begun: Set<Tagged>,
): Promise<void> {
  const concerned = call.people.map((place) => all[place]!);
  for (const { one } of concerned) begun.add(one);
  const called = concerned.map(({ one }) => ({ taken: one.taken, plan: { hash: one.hash } }));
  const outcomes = await withCall(writing, called, call.send);
  for (const [index, progress] of concerned.entries()) {
    progress.left -= 1;
    if (!outcomes) progress.hasFailed = true;
    else if (outcomes[index]!.kind !== 'stored') progress.doubt = outcomes[index]!;
  }
  const ended = concerned.filter(({ left, hasFailed }) => left === 0 && !hasFailed);
  await settleOutcomes(
    writing,
    ended.map(({ one, doubt }) => ({ ...one, outcome: doubt ?? one.outcome })),
  );
}
