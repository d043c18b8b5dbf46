import type { FullProgress, IdSpan } from '../../src/ledger/classy/source-pages.js';
import {
  areAscending,
  areInOrder,
  areSameIds,
  type ListQuery,
  PAGE_SIZE,
  type RecordsPage,
  repeatedPage,
} from '../../src/vendors/classy/client.js';
import { createPageWriter } from './page-writer.js';
import type { ResourceReading } from './read-resource.js';

/** Readers side by side in one full sync. */
const READERS = 8;
/** What is left of a range is worth sharing from here on. */
const WORTH_SPLITTING = 2 * PAGE_SIZE;

/** A range of ids being read: above `after` up to `to`. */
interface Range {
  /** What has been read reaches up to here, and what has been stored up to `stored`. */
  after: bigint;
  stored: bigint;
  to: bigint;
  /** How many records are left in it, as far as is known; undefined before its first page. */
  left: number | undefined;
  isTaken: boolean;
}

/**
 * Reads everything by id, several ranges side by side, whoever is idle taking half of the longest one. Where it is, is committed
 * with the pages, so another attempt goes on from there. Gives the source's time when the reading began.
 */
export async function readFull(reading: ResourceReading, isFirst: boolean): Promise<Date | undefined> {
  const { pageRun, run } = reading;
  const progress = run.progress ?? (await begin(reading));
  const ranges: Range[] = progress.ranges.map(({ after, to }) => ({
    after: BigInt(after),
    stored: BigInt(after),
    to: BigInt(to!),
    left: undefined,
    isTaken: false,
  }));
  const position = (): FullProgress => ({ readTo: progress.readTo, ranges: ranges.map(toSpan) });
  let countAt = isFirst && !pageRun.dryRun ? 1 : Number.POSITIVE_INFINITY;
  const writer = createPageWriter(reading.deps.ledger, pageRun, position, async (pages) => {
    await reading.written();
    if (pages < countAt) return;
    // plans made for an empty table would be kept, and the rest would crawl
    countAt = 4 * pages;
    await reading.deps.ledger.organizationRuns.countAnew(pageRun.resource);
  });
  let failure: unknown;
  const work = async (): Promise<void> => {
    for (;;) {
      const range = ranges.find(({ isTaken }) => !isTaken) ?? halfOf(ranges);
      if (range) {
        range.isTaken = true;
        await readRange(range);
      } else if (ranges.length === 0 || failure) return;
      else await reading.breath();
    }
  };
  /** A page is fetched while the one before it is written. */
  const readRange = async (range: Range): Promise<void> => {
    let written: Promise<void> = Promise.resolve();
    for (let isEnd = false; !isEnd && !failure; ) {
      reading.check();
      const page = await takePage(reading, range);
      await written;
      isEnd = page.isEnd;
      written = writer.write(page, () => {
        range.stored = page.upTo;
        if (page.isEnd) ranges.splice(ranges.indexOf(range), 1);
      });
      // awaited with the next page
      written.catch(() => undefined);
    }
    await written;
  };
  await Promise.all(
    Array.from({ length: READERS }, () =>
      work().catch((error: unknown) => {
        failure ??= error;
      }),
    ),
  );
  if (failure) throw failure;
  return progress.readTo === null ? undefined : new Date(progress.readTo);
}

/** A page of a range, as far as it is the range's own by the time it comes. */
async function takePage(reading: ResourceReading, range: Range) {
  const { after, to } = range;
  const { answer, asOf } = await reading.read(() => pageOf(reading, after, to));
  const last = answer.ids.at(-1) ?? to;
  // somebody may have taken the upper half meanwhile
  const isEnd = !answer.hasMore || last >= range.to;
  const upTo = isEnd ? range.to : last;
  const mine = cut(answer, upTo);
  range.after = upTo;
  range.left = isEnd ? 0 : Math.max((answer.total ?? Number.POSITIVE_INFINITY) - answer.length, PAGE_SIZE);
  return { ...mine, asOf, upTo, isEnd, covers: { after: String(after), to: String(upTo), ids: mine.ids.map(String) } };
}

/** Asks what is newest, for the cursor, and what is last, for the end of the ranges; the last page is stored. */
async function begin(reading: ResourceReading): Promise<FullProgress> {
  const { deps, pageRun } = reading;
  const { organization, resource } = pageRun;
  const newest = await reading.read(() => newestPage(reading));
  const readTo = reading.readToOf(newest.answer)?.toISOString() ?? null;
  await reading.expect(newest.answer.total);
  const known = await deps.ledger.organizationRuns.known(organization, resource);
  // where we know more than it shows it is asked once more, by id
  const isWhole = !newest.answer.hasMore && known <= newest.answer.length;
  const top = isWhole ? newest : await reading.read(() => lastPage(reading, newest.answer));
  const { ids } = top.answer;
  const lowest = ids.reduce((least, id) => (id < least ? id : least), ids[0] ?? 1n);
  const below = isWhole ? 0n : lowest - 1n;
  const ranges =
    below > 0n ? await deps.ledger.organizationRuns.spans(organization, resource, String(below), READERS) : [];
  const covers = { after: String(below), to: null, ids: ids.map(String) };
  const progress = { readTo, ranges };
  await deps.ledger.sourcePages.write(pageRun, [{ ...top.answer, asOf: top.asOf, covers }], { progress });
  return progress;
}

async function newestPage(reading: ResourceReading): Promise<RecordsPage> {
  const page = await reading.list({ sort: 'updated_at:desc,id:desc' });
  if (!areInOrder(page.updatedAts, 'desc')) throw repeatedPage(reading.pageRun.resource);
  return page;
}

/** The last page by id. The same as the newest one may be a cache's doing: then another address is asked. */
async function lastPage(reading: ResourceReading, newest: RecordsPage): Promise<RecordsPage> {
  const first = await reading.list({ sort: 'id:desc' });
  const page = areSameIds(first.ids, newest.ids) ? await reading.list({ sort: 'id:desc', filter: ['id>0'] }) : first;
  const isDescending = page.ids.every((id, index) => index === 0 || id < page.ids[index - 1]!);
  if (!isDescending || (page.hasMore && page.ids.length === 0)) throw repeatedPage(reading.pageRun.resource);
  return page;
}

/** The next page of a range. @throws VendorError where it cannot be one */
async function pageOf(reading: ResourceReading, after: bigint, to: bigint): Promise<RecordsPage> {
  const query: ListQuery = { filter: [`id>${after}`, `id<=${to}`], sort: 'id:asc' };
  const page = await reading.list(query);
  const inOrder = areAscending(page.ids, after) && page.ids.every((id) => id <= to);
  if (!inOrder || (page.hasMore && page.ids.length === 0)) throw repeatedPage(reading.pageRun.resource);
  return page;
}

/** A page without what is above `upTo`: that is somebody else's. */
function cut(page: RecordsPage, upTo: bigint): RecordsPage {
  if ((page.ids.at(-1) ?? 0n) <= upTo) return page;
  const isMine = (id: string): boolean => !/^\d+$/.test(id) || BigInt(id) <= upTo;
  return {
    ...page,
    records: page.records.filter(({ id }) => isMine(id)),
    setAside: page.setAside.filter(({ recordId }) => isMine(recordId)),
    ids: page.ids.filter((id) => id <= upTo),
  };
}

/** Takes the upper half of the range that has most left; undefined where none is worth it. */
function halfOf(ranges: Range[]): Range | undefined {
  const longest = ranges
    .filter(({ left, after, to }) => left !== undefined && left >= WORTH_SPLITTING && to - after > 1n)
    .toSorted((a, b) => b.left! - a.left!)[0];
  if (!longest) return undefined;
  const middle = (longest.after + longest.to) / 2n;
  longest.left = longest.left! / 2;
  const half: Range = { after: middle, stored: middle, to: longest.to, left: undefined, isTaken: false };
  longest.to = middle;
  ranges.push(half);
  return half;
}

const toSpan = ({ stored, to }: Range): IdSpan => ({ after: String(stored), to: String(to) });
