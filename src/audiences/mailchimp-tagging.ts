import { groupBy } from '../domain/group-by.js';
import { tagKey } from '../domain/tag-change.js';
import { isRejected } from '../vendors/errors.js';
import { BATCH_SIZE, type MailchimpClient } from '../vendors/mailchimp/client.js';
import type { PersonTags, PushOutcome, TagCall, Tagging } from './destination.js';

/** One person's place in the list, and whether the tag is given or taken. */
interface Change {
  person: number;
  name: string;
  active: boolean;
}

/**
 * Tags of a MailChimp audience, which are its static segments: five hundred people a call, one tag at a time; or, quietly, all
 * tags of one person a call, since only that call keeps automations from starting.
 */
export function createTagging(client: MailchimpClient, listId: string): Tagging & { problems(): string[] } {
  const segments = createSegments(client, listId);
  /** Tags that could not be created: people are stored without them. */
  const impossible = new Set<string>();
  /** Of these, those tried since the tags were read: not once more for each call. */
  const tried = new Set<string>();

  /** A segment of another kind may have the name of a tag: that concerns the tag, and none of the people. */
  const canBeHad = async (name: string): Promise<boolean> => {
    if (tried.has(name)) return false;
    try {
      await segments.idOf(name);
      impossible.delete(name);
      return true;
    } catch (error) {
      if (!isRejected(error)) throw error;
      impossible.add(name);
      tried.add(name);
      return false;
    }
  };

  /** Nobody is told to be done where the tag was deleted since it was looked up: it is created anew with the next try. */
  const changeSegment = async (name: string, change: { add: string[]; remove: string[] }) => {
    try {
      return await client.changeSegment(listId, await segments.idOf(name), change);
    } catch (error) {
      if (!isRejected(error) || error.details.status !== 404) throw error;
      segments.forget();
      return { added: [], removed: [] };
    }
  };

  const quietCall = (person: number, { email, add, remove }: PersonTags): TagCall => ({
    people: [person],
    async send() {
      const changes = [
        ...add.map((name) => ({ name, active: true })),
        ...remove.map((name) => ({ name, active: false })),
      ];
      try {
        await client.changeTags(listId, email, changes, { quiet: true });
        return [{ kind: 'stored' }];
      } catch (error) {
        if (isRejected(error)) return [{ kind: 'unknown' }];
        throw error;
      }
    },
  });

  const segmentCall = (all: readonly PersonTags[], name: string, changes: readonly Change[]): TagCall => ({
    people: changes.map(({ person }) => person),
    async send() {
      const emails = (active: boolean): string[] =>
        changes.filter((one) => one.active === active).map(({ person }) => all[person]!.email);
      if (!(await canBeHad(name))) return changes.map((): PushOutcome => ({ kind: 'stored' }));
      const { added, removed } = await changeSegment(name, { add: emails(true), remove: emails(false) });
      const done = [new Set(removed.map(key)), new Set(added.map(key))] as const;
      // of whom nothing is told, the next look at the person tells
      return changes.map(
        ({ person, active }): PushOutcome =>
          done[active ? 1 : 0].has(key(all[person]!.email)) ? { kind: 'stored' } : { kind: 'unknown' },
      );
    },
  });

  return {
    calls(all, quiet) {
      if (quiet) return all.map((one, person) => quietCall(person, one));
      // staff may have renamed one since: its name is another tag's then
      segments.forget();
      tried.clear();
      const changes = all.flatMap(({ add, remove }, person): Change[] => [
        ...add.map((name) => ({ person, name, active: true })),
        ...remove.map((name) => ({ person, name, active: false })),
      ]);
      return [...groupBy(changes, ({ name }) => tagKey(name)).values()].flatMap((ofTag) =>
        inCalls(ofTag).map((call) => segmentCall(all, ofTag[0]!.name, call)),
      );
    },

    problems: () =>
      [...impossible].map(
        (name) =>
          `The tag ${name} cannot be created: the audience has a segment of that name. Rename that segment in MailChimp, or the tag in \`segments\`.`,
      ),
  };
}

/** As many calls as the longer of both lists needs. */
function inCalls(changes: readonly Change[]): Change[][] {
  const given = changes.filter(({ active }) => active);
  const taken = changes.filter(({ active }) => !active);
  const count = Math.ceil(Math.max(given.length, taken.length) / BATCH_SIZE);
  return Array.from({ length: count }, (_, index) => {
    const part = (list: Change[]): Change[] => list.slice(index * BATCH_SIZE, (index + 1) * BATCH_SIZE);
    return [...part(given), ...part(taken)];
  });
}

const key = (email: string): string => email.trim().toLowerCase();

/** Ids of segments by tag name, read once; a name that is missing is created, once even if several calls ask for it. */
function createSegments(client: MailchimpClient, listId: string) {
  let known: Promise<Map<string, Promise<number>>> | undefined;
  const load = async (): Promise<Map<string, Promise<number>>> =>
    new Map((await client.readSegments(listId)).map(({ id, name }) => [tagKey(name), Promise.resolve(id)]));

  return {
    async idOf(name: string): Promise<number> {
      known ??= load();
      try {
        const ids = await known;
        const id = ids.get(tagKey(name)) ?? client.createSegment(listId, name).then((created) => created.id);
        ids.set(tagKey(name), id);
        return await id;
      } catch (error) {
        // read anew: somebody else may have created it meanwhile
        known = undefined;
        throw error;
      }
    },

    /** They are read anew. */
    forget(): void {
      known = undefined;
    },
  };
}
