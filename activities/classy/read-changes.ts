import { filterTime, type RecordsPage, repeatedPage } from '../../src/vendors/classy/client.js';
import type { ResourceReading } from './read-resource.js';

/** Records that come late, with a time before that of others, are still seen within this. */
const OVERLAP_MS = 10 * 60_000;
const SECOND_MS = 1_000;
/** Records set aside that one sync reads again, one by one. */
const MOST_RETRIED = 100;

/**
 * Reads what the source changed since the cursor: first the newest page, which mostly is all; else from the oldest on by time, a
 * second that fills whole pages by id. No page numbers: records that change while they are read would be skipped by these.
 */
export async function readChanges(reading: ResourceReading, cursor: Date): Promise<void> {
  const { deps, pageRun } = reading;
  const since = wholeSecond(cursor.getTime() - OVERLAP_MS);
  await retrySetAside(reading);
  const newest = await reading.read(() => newestSince(reading, since));
  await reading.expect(newest.answer.total);
  const readTo = reading.readToOf(newest.answer);
  const seen = new Set(newest.answer.records.map(keyOf));
  const isWhole = !newest.answer.hasMore;
  await store(reading, newest.answer, newest.asOf, isWhole ? readTo : undefined);
  if (isWhole) return;

  const { organization, resource } = pageRun;
  const known = await deps.ledger.organizationRuns.knownSince(organization, resource, since);
  // as many as we know, the newest among them: nothing else is new
  const isKnown = !pageRun.dryRun && newest.answer.total === known;
  if (!isKnown) await readUpwards(reading, since, newest.answer.updatedAts.at(-1)!, seen);
  await deps.ledger.sourcePages.write(pageRun, [], { readTo });
}

/** From `since` up to the second in which the newest page ends. */
async function readUpwards(reading: ResourceReading, since: Date, until: Date, seen: Set<string>): Promise<void> {
  const end = new Date(wholeSecond(until.getTime()).getTime() + SECOND_MS);
  for (let from = since; from < end; ) {
    const { answer, asOf } = await reading.read(() => pageBetween(reading, from, end));
    await storeNew(reading, answer, asOf, seen, answer.updatedAts.at(-1));
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
async function readSecond(reading: ResourceReading, second: Date, seen: Set<string>): Promise<void> {
  const next = new Date(second.getTime() + SECOND_MS);
  const bounds = [`updated_at>=${filterTime(second)}`, `updated_at<${filterTime(next)}`];
  for (let after = 0n; ; ) {
    const { answer, asOf } = await reading.read(async () => {
      const page = await reading.list({ filter: [...bounds, `id>${after}`], sort: 'id:asc' });
      const inOrder = page.ids.every((id, index) => id > (page.ids[index - 1] ?? after));
      if (!inOrder || (page.hasMore && page.ids.length === 0)) throw repeatedPage(reading.pageRun.resource);
      return page;
    });
    await storeNew(reading, answer, asOf, seen, undefined);
    if (!answer.hasMore) return;
    after = answer.ids.at(-1)!;
  }
}

async function newestSince(reading: ResourceReading, since: Date): Promise<RecordsPage> {
  const page = await reading.list({ filter: [`updated_at>=${filterTime(since)}`], sort: 'updated_at:desc,id:desc' });
  const times = page.updatedAts.map((time) => time.getTime());
  const inOrder = times.every((time, index) => time >= since.getTime() && time <= (times[index - 1] ?? time));
  if (!inOrder || (page.hasMore && times.length === 0)) throw repeatedPage(reading.pageRun.resource);
  return page;
}

async function pageBetween(reading: ResourceReading, from: Date, end: Date): Promise<RecordsPage> {
  const filter = [`updated_at>=${filterTime(from)}`, `updated_at<${filterTime(end)}`];
  const page = await reading.list({ filter, sort: 'updated_at:asc,id:asc' });
  const times = page.updatedAts.map((time) => time.getTime());
  const inOrder = times.every((time, index) => time >= (times[index - 1] ?? from.getTime()) && time < end.getTime());
  if (!inOrder || (page.hasMore && times.length === 0)) throw repeatedPage(reading.pageRun.resource);
  return page;
}

/** Stores what was not stored a moment ago: pages meet in the second where one ends. */
async function storeNew(
  reading: ResourceReading,
  page: RecordsPage,
  asOf: Date,
  seen: Set<string>,
  readTo: Date | undefined,
): Promise<void> {
  const records = page.records.filter((record) => !seen.has(keyOf(record)));
  for (const record of records) seen.add(keyOf(record));
  await store(reading, { ...page, records }, asOf, readTo);
}

async function store(reading: ResourceReading, page: RecordsPage, asOf: Date, readTo: Date | undefined): Promise<void> {
  reading.check();
  await reading.deps.ledger.sourcePages.write(reading.pageRun, [{ ...page, asOf }], { readTo });
  await reading.written(1);
}

const keyOf = ({ id, columns }: RecordsPage['records'][number]): string => `${id} ${columns['classy_updated_at']}`;

const wholeSecond = (ms: number): Date => new Date(Math.floor(ms / SECOND_MS) * SECOND_MS);

/** What could not be stored lies behind the cursor by now: it is asked for by its id. */
async function retrySetAside(reading: ResourceReading): Promise<void> {
  const { deps, pageRun, client } = reading;
  const { organization, resource } = pageRun;
  const waiting = await deps.ledger.organizationRuns.setAside(organization, {
    resource,
    withId: true,
    limit: MOST_RETRIED,
  });
  for (const { recordId } of waiting) {
    const { answer, asOf } = await reading.read(() => client.read(organization, resource, recordId));
    if (answer) await deps.ledger.sourcePages.write(pageRun, [{ ...answer, asOf }], {});
    else if (!pageRun.dryRun) await deps.ledger.organizationRuns.forget(organization, resource, [recordId]);
  }
}
