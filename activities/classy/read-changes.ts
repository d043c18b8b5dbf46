import type { Changes } from '../../src/ledger/classy/source-rows.js';
import {
  areAscending,
  areInOrder,
  areSameIds,
  filterTime,
  type RecordsPage,
  repeatedPage,
} from '../../src/vendors/classy/client.js';
import type { ResourceReading } from './read-resource.js';
import { failureOfOne } from './source-reader.js';

/** Records that come late, with a time before that of others, are still seen within this. */
const OVERLAP_MS = 10 * 60_000;
const SECOND_MS = 1_000;
/** Records set aside that one sync reads again, one by one. */
const MOST_RETRIED = 100;
/** So many of them that cannot be read are enough for one sync: each may take its time. */
const MOST_FAILURES = 5;

/** What an incremental reading has read so far: pages meet in the second where one ends. */
interface Seen {
  /** Ids and times of the records that were stored. */
  records: Set<string>;
  /** Ids of the newest page, in its order. */
  newest: readonly bigint[];
  /** Ids of those set aside. */
  setAside: Set<string>;
}

/**
 * Reads what the source changed since the cursor: first the newest page, which mostly is all; else from the oldest on by time, a
 * second that fills whole pages by id. No page numbers: records that change while they are read would be skipped by these.
 */
export async function readChanges(reading: ResourceReading, cursor: Date): Promise<void> {
  const { deps, pageRun } = reading;
  const since = wholeSecond(cursor.getTime() - OVERLAP_MS);
  const seen: Seen = { records: new Set(), newest: [], setAside: new Set() };
  const { answer: newest, asOf } = await reading.read(() => newestSince(reading, since));
  await reading.expect(newest.total);
  const readTo = reading.readToOf(newest);
  const isWhole = !newest.hasMore;
  seen.newest = newest.ids;
  const changes = await storeNew(reading, newest, asOf, seen, isWhole ? readTo : undefined);
  if (!isWhole) {
    // nothing is new on it, it reaches down to what was read before, and there are as many as we know: nothing else is new
    const isKnown =
      changes.added + changes.updated === 0 &&
      newest.updatedAts.at(-1)! <= cursor &&
      newest.total === (await deps.ledger.organizationRuns.knownSince(pageRun.organization, pageRun.resource, since));
    if (!isKnown) await readUpwards(reading, since, newest.updatedAts.at(-1)!, seen);
    await deps.ledger.sourcePages.write(pageRun, [], { readTo });
  }
  await retrySetAside(reading, seen.setAside);
}

/** From `since` up to the second in which the newest page ends. */
async function readUpwards(reading: ResourceReading, since: Date, until: Date, seen: Seen): Promise<void> {
  const end = new Date(wholeSecond(until.getTime()).getTime() + SECOND_MS);
  for (let from = since; from < end; ) {
    const { answer, asOf } = await reading.read(() => pageBetween(reading, from, end, seen));
    await storeNew(reading, answer, asOf, seen, reading.readToOf(answer));
    if (!answer.hasMore) return;
    const last = wholeSecond(answer.updatedAts.at(-1)!.getTime());
    if (last > from) from = last;
    else {
      await readSecond(reading, from, seen);
      from = new Date(from.getTime() + SECOND_MS);
    }
  }
}

/** All records of one second, by id. */
async function readSecond(reading: ResourceReading, second: Date, seen: Seen): Promise<void> {
  const next = new Date(second.getTime() + SECOND_MS);
  const bounds = [`updated_at>=${filterTime(second)}`, `updated_at<${filterTime(next)}`];
  for (let after = 0n; ; ) {
    const { answer, asOf } = await reading.read(async () => {
      const page = await reading.list({ filter: [...bounds, `id>${after}`], sort: 'id:asc' });
      return believed(reading, page, areAscending(page.ids, after) && (!page.hasMore || page.ids.length > 0));
    });
    await storeNew(reading, answer, asOf, seen, undefined);
    if (!answer.hasMore) return;
    after = answer.ids.at(-1)!;
  }
}

async function newestSince(reading: ResourceReading, since: Date): Promise<RecordsPage> {
  const page = await reading.list({ filter: [`updated_at>=${filterTime(since)}`], sort: 'updated_at:desc,id:desc' });
  const { updatedAts, hasMore } = page;
  const isWithin = updatedAts.every((time) => time >= since) && (!hasMore || updatedAts.length > 0);
  return believed(reading, page, isWithin && areInOrder(updatedAts, 'desc'));
}

async function pageBetween(reading: ResourceReading, from: Date, end: Date, seen: Seen): Promise<RecordsPage> {
  const filter = [`updated_at>=${filterTime(from)}`, `updated_at<${filterTime(end)}`];
  const page = await reading.list({ filter, sort: 'updated_at:asc,id:asc' });
  const { updatedAts, hasMore, ids } = page;
  const isWithin = updatedAts.every((time) => time >= from && time < end) && (!hasMore || updatedAts.length > 0);
  // within one second times do not tell the newest page from this one
  const isNewest = ids.length > 1 && areSameIds(ids, seen.newest);
  return believed(reading, page, isWithin && areInOrder(updatedAts, 'asc') && !isNewest);
}

/** @throws VendorError where a page cannot be the one that was asked for */
function believed({ pageRun }: ResourceReading, page: RecordsPage, isPlausible: boolean): RecordsPage {
  if (!isPlausible) throw repeatedPage(pageRun.resource);
  return page;
}

/** Stores what was not stored a moment ago. */
async function storeNew(
  reading: ResourceReading,
  page: RecordsPage,
  asOf: Date,
  seen: Seen,
  readTo: Date | undefined,
): Promise<Changes> {
  reading.check();
  const records = page.records.filter((record) => !seen.records.has(keyOf(record)));
  const setAside = page.setAside.filter(({ recordId }) => !seen.setAside.has(recordId));
  for (const record of records) seen.records.add(keyOf(record));
  for (const { recordId } of setAside) seen.setAside.add(recordId);
  const changes = await reading.deps.ledger.sourcePages.write(reading.pageRun, [{ ...page, records, setAside, asOf }], {
    readTo,
  });
  await reading.written();
  return changes;
}

const keyOf = ({ id, columns }: RecordsPage['records'][number]): string => `${id} ${columns['classy_updated_at']}`;

const wholeSecond = (ms: number): Date => new Date(Math.floor(ms / SECOND_MS) * SECOND_MS);

/** What could not be stored lies behind the cursor by now: it is asked for by its id. One that cannot be read stays set aside. */
async function retrySetAside(reading: ResourceReading, justSeen: ReadonlySet<string>): Promise<void> {
  const { deps, pageRun } = reading;
  const { organization, resource } = pageRun;
  const limit = MOST_RETRIED + justSeen.size;
  let failures = 0;
  const waiting = await deps.ledger.organizationRuns.setAside(organization, { resource, withId: true, limit });
  for (const { recordId, reason } of waiting) {
    if (justSeen.has(recordId)) continue;
    reading.check();
    const read = await reading.attempt(() => reading.one(recordId)).catch((error: unknown) => void failureOfOne(error));
    failures += read ? 0 : 1;
    if (failures > MOST_FAILURES) return;
    const asOf = read?.asOf ?? (await deps.ledger.walks.now());
    const still = { records: [], setAside: [{ recordId, reason }], drift: {} };
    if (read && !read.answer) {
      if (!pageRun.dryRun) await deps.ledger.organizationRuns.forget(organization, resource, [recordId]);
    } else await deps.ledger.sourcePages.write(pageRun, [{ ...(read?.answer ?? still), asOf }], {});
  }
}
