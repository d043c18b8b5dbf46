import type { PersonTags } from '../../audiences/destination.js';
import { canBeMailed } from '../../domain/donor-contact.js';
import type { SyncCounts, SyncRun } from '../../ledger/runs.js';
import type { Person } from './people.js';
import type { WritingLimits } from './subject.js';

/** What carrying out a plan takes at the destination. */
export interface Estimate {
  calls: number;
  seconds: number;
}

/** What a plan does, by action. */
export type Actions = Pick<SyncCounts, 'added' | 'updated' | 'moved' | 'removed'>;

/** To how many people a tag is given, and from how many it is taken. */
export type TagCounts = Record<string, { given: number; taken: number }>;

/** Calls about many people, and those about one, which are quicker. */
interface TagCalls {
  many: number;
  one: number;
}

/** Why people are never written to: there is no consent, or the address cannot be mailed. */
export interface WithheldBy {
  consent: number;
  address: number;
}

/** What a plan means to do to tags, and what that takes: with automations kept from starting, and without. */
export interface PlannedTags {
  withheldBy: WithheldBy;
  tags: TagCounts;
  quiet: TagCalls;
  fast: TagCalls;
}

/** Read, update and look again. */
const MOVE_CALLS = 3;
/** Where this run did not read the list, so that no call was timed; and for a call about one person. */
const TYPICAL_CALL_MS = 300;
const NO_CALLS: TagCalls = { many: 0, one: 0 };

/** Calls and time of a plan, at the speed that the list showed and the limits that are configured. */
export function estimateOf(
  { added, updated, moved, removed }: Actions,
  { listCallMs }: Pick<SyncRun, 'listCallMs'>,
  { batchSize, callsAtOnce, perMinute, removalCalls }: WritingLimits,
  tagCalls: TagCalls = NO_CALLS,
): Estimate {
  const alone = moved * MOVE_CALLS + removed * removalCalls;
  const calls = Math.ceil((added + updated) / batchSize) + alone + tagCalls.many + tagCalls.one;
  const callMs = listCallMs || TYPICAL_CALL_MS;
  const ofTags = tagCalls.many * callMs + tagCalls.one * Math.min(callMs, TYPICAL_CALL_MS);
  const others = calls - tagCalls.many - tagCalls.one;
  const atItsSpeed = (ofTags + others * callMs) / callsAtOnce / 1000;
  return { calls, seconds: Math.ceil(Math.max(atItsSpeed, perMinute === undefined ? 0 : (calls * 60) / perMinute)) };
}

/** Adds up what a plan means to do to tags, the calls that its destination would make for that, and who is never written to. */
export async function readPlannedTags(
  pages: AsyncIterable<readonly Person[]>,
  { tagging, pageSize }: WritingLimits,
): Promise<PlannedTags> {
  const planned: PlannedTags = {
    tags: {},
    quiet: { ...NO_CALLS },
    fast: { ...NO_CALLS },
    withheldBy: { consent: 0, address: 0 },
  };
  let collected: PersonTags[] = [];
  const count = (): void => {
    for (const quiet of [true, false])
      for (const { people } of tagging?.calls(collected, quiet) ?? [])
        planned[quiet ? 'quiet' : 'fast'][people.length > 1 ? 'many' : 'one'] += 1;
    collected = [];
  };
  for await (const people of pages)
    for (const person of people) {
      if (person.why === 'withheld') planned.withheldBy[withheldFor(person)] += 1;
      const change = tagsOf(person);
      for (const name of change.add) countsOf(planned.tags, name).given += 1;
      for (const name of change.remove) countsOf(planned.tags, name).taken += 1;
      if (change.add.length + change.remove.length > 0) collected.push(change);
      if (collected.length === pageSize) count();
    }
  count();
  return planned;
}

function tagsOf({ address, changes = [] }: Person): PersonTags {
  const ofTags = changes.filter(({ field }) => field === 'tag');
  return {
    email: address,
    add: ofTags.flatMap(({ to }) => (to === '' ? [] : [to])),
    remove: ofTags.flatMap(({ from }) => (from === '' ? [] : [from])),
  };
}

/** Where the address can be mailed, it is consent that is missing. */
export const withheldFor = ({ address }: Pick<Person, 'address'>): keyof WithheldBy =>
  canBeMailed(address) ? 'consent' : 'address';

function countsOf(tags: TagCounts, name: string): TagCounts[string] {
  tags[name] ??= { given: 0, taken: 0 };
  return tags[name];
}
