import type { FullProgress, PageRun, SourcePage } from '../../src/ledger/classy/source-pages.js';
import type { Ledger } from '../../src/ledger/ledger.js';

/** Writes pages that several readers hand in, in order of arrival. */
export interface PageWriter {
  /**
   * Settles when the page is committed; `advance` is called just before, so that the reading's position goes with it. Once a
   * page could not be written none is any more, since that position would be past it.
   */
  write(page: SourcePage, advance: () => void): Promise<void>;
}

/** Pages of 100 that go into one transaction. */
const PAGES_AT_ONCE = 8;

interface Waiting {
  page: SourcePage;
  advance: () => void;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** A writer for a full sync: one transaction at a time, of all the pages that came in during the one before. */
export function createPageWriter(
  ledger: Ledger,
  run: PageRun,
  progress: () => FullProgress,
  onWritten: (pages: number) => Promise<void>,
): PageWriter {
  const waiting: Waiting[] = [];
  let isWriting = false;
  let written = 0;
  let failure: { error: unknown } | undefined;

  const writeBatch = async (batch: readonly Waiting[]): Promise<void> => {
    for (const { advance } of batch) advance();
    const pages = batch.map(({ page }) => page);
    await ledger.sourcePages.write(run, pages, { progress: progress() });
    written += batch.length;
    await onWritten(written);
  };
  const writeAll = async (): Promise<void> => {
    isWriting = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, PAGES_AT_ONCE);
      if (!failure)
        await writeBatch(batch).catch((error: unknown) => {
          failure = { error };
        });
      for (const { resolve, reject } of batch) failure ? reject(failure.error) : resolve();
    }
    isWriting = false;
  };
  return {
    write: (page, advance) =>
      new Promise((resolve, reject) => {
        waiting.push({ page, advance, resolve, reject });
        if (!isWriting) void writeAll();
      }),
  };
}
