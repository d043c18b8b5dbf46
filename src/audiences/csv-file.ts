import { randomUUID } from 'node:crypto';
import { renameSync, statSync } from 'node:fs';
import { mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { VendorError } from '../vendors/errors.js';
import { type CsvTable, createCsvTable, UnreadableCsv } from './csv-table.js';

/** Where a file is and what its columns are. */
export interface CsvFileOptions {
  /** A relative path is under `csv` in `folder`. */
  file: string;
  folder: string;
  fields: readonly string[];
}

/** A table in a file. All methods throw `VendorError` of kind `refused`: what is wrong with a file concerns everybody in it. */
export interface CsvFile {
  read<T>(operation: string, look: (table: CsvTable) => T): Promise<T>;
  /** Writes the file anew if `edit` changed anything; `edit` is asked again where somebody else wrote the file meanwhile. */
  change<T>(operation: string, edit: (table: CsvTable) => T): Promise<T>;
}

/** Most tries against somebody who writes the same file. */
const MOST_TRIES = 5;

/** A table is kept for so long, since pages and persons follow each other. */
const KEPT_MS = 30_000;

/** Opens nothing yet; one call at a time, in order. */
export function createCsvFileAccess({ file, folder, fields }: CsvFileOptions): CsvFile {
  const isOwnFolder = !isAbsolute(file);
  const path = resolve(folder, 'csv', file);
  let kept: { table: CsvTable; stamp: string } | undefined;
  let forgetting: NodeJS.Timeout | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const inTurn = <T>(operation: string, work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work).catch((error: unknown) => {
      throw refusal(operation, error);
    });
    last = turn.catch(() => undefined);
    return turn;
  };
  const keep = (table: CsvTable, stamp: string): void => {
    kept = { table, stamp };
    clearTimeout(forgetting);
    forgetting = setTimeout(() => {
      kept = undefined;
    }, KEPT_MS).unref();
  };
  const load = async (): Promise<{ table: CsvTable; stamp: string }> => {
    const stamp = stampOf(path);
    if (kept?.stamp === stamp) return kept;
    kept = undefined;
    // a folder that is not ours may be a disk that is not mounted
    if (stamp === ABSENT && !isOwnFolder) await stat(dirname(path));
    return { table: createCsvTable(stamp === ABSENT ? '' : await readText(path), fields), stamp };
  };

  return {
    read: (operation, look) =>
      inTurn(operation, async () => {
        const { table, stamp } = await load();
        keep(table, stamp);
        return look(table);
      }),

    change: (operation, edit) =>
      inTurn(operation, async () => {
        for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
          const { table, stamp } = await load();
          kept = undefined;
          const result = edit(table);
          const written = table.isChanged() ? await replace(path, table.write(), stamp, isOwnFolder) : stamp;
          if (written === undefined) continue;
          keep(table, written);
          return result;
        }
        throw new UnreadableCsv('CLOSE_WHAT_ELSE_WRITES_THE_FILE');
      }),
  };
}

/** Stamp of a file that is not there. */
const ABSENT = 'absent';

/** Another one after every write. */
function stampOf(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found ? `${found.ino} ${found.mtimeNs} ${found.size}` : ABSENT;
}

async function readText(path: string): Promise<string> {
  const bytes = await readFile(path);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // it would be written back damaged
    throw new UnreadableCsv('SAVE_AS_UTF_8');
  }
}

/** Readers see the old file or the whole new one; undefined, and the file as it was, where it is not the one of `stamp` any more. */
async function replace(path: string, text: string, stamp: string, makeFolder: boolean): Promise<string | undefined> {
  const folder = dirname(path);
  const unfinished = `${path}.${randomUUID()}.new`;
  if (makeFolder) await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    const file = await open(unfinished, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    // in one go, so that nothing of this process comes in between
    if (stampOf(path) !== stamp) return undefined;
    renameSync(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
  const written = stampOf(path);
  const opened = await open(folder, 'r');
  await opened.sync().finally(() => opened.close());
  return written;
}

/** What to do about an error of the file system. */
const CURES: Readonly<Record<string, string>> = {
  EACCES: 'LET_STEWARD_READ_AND_WRITE_FILE_AND_FOLDER',
  EPERM: 'LET_STEWARD_READ_AND_WRITE_FILE_AND_FOLDER',
  EROFS: 'LET_STEWARD_READ_AND_WRITE_FILE_AND_FOLDER',
  EISDIR: 'NAME_A_FILE_NOT_A_FOLDER',
  ENOENT: 'MAKE_THE_FOLDER',
  ENOTDIR: 'MAKE_THE_FOLDER',
  ENOSPC: 'MAKE_ROOM_ON_THE_DISK',
  EDQUOT: 'MAKE_ROOM_ON_THE_DISK',
};

function refusal(operation: string, error: unknown): unknown {
  const details = { vendor: 'csv', operation, kind: 'refused', call: 'answered' } as const;
  if (error instanceof UnreadableCsv) return new VendorError({ ...details, code: error.message });
  const { code } = error as NodeJS.ErrnoException;
  // anything else is a mistake of ours
  if (typeof code !== 'string' || !/^E[A-Z]+$/.test(code)) return error;
  return new VendorError({ ...details, code: CURES[code] ?? code, cause: error });
}
