import { createHash, randomUUID } from 'node:crypto';
import { access, constants, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isProcessAlive, processStartTime } from '../embedded/process-info.js';
import type { NewDelivery } from '../ledger/inbox.js';
import type { Logger } from '../observe/log.js';

/** A folder of files, one delivery a line, for the time when the ledger does not answer. Mode 0600: they hold people. */
export interface Spool {
  /** Appends and syncs to disk before it settles. */
  append(deliveries: readonly NewDelivery[]): Promise<void>;
  /** Whether its folder can be written to. */
  isWritable(): Promise<boolean>;
  /** Hands everything spooled to `store` and forgets it once that settled; gives how many. @throws when `ping` does */
  feed(store: (deliveries: readonly NewDelivery[]) => Promise<unknown>, ping: () => Promise<void>): Promise<number>;
}

const ENDING = '.ndjson';
const A_STATEMENT = 200;

/** Names a process; pids repeat, also soon in a container, so the start time is part of it. */
const nameOf = (pid: number): string =>
  `${pid}-${createHash('sha256')
    .update(processStartTime(pid) ?? '')
    .digest('hex')
    .slice(0, 12)}`;
const OWN_PREFIX = nameOf(process.pid);

/** Opens the spool below the data folder; files of killed processes are fed in like one's own. */
export async function openSpool(dataDir: string, log: Logger): Promise<Spool> {
  const folder = join(dataDir, 'spool');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  let current: string | undefined;
  // appends and the change of files follow one another
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work);
    last = turn.catch(() => undefined);
    return turn;
  };

  return {
    append: (deliveries) =>
      inTurn(async () => {
        current ??= join(folder, `${OWN_PREFIX}-${randomUUID()}${ENDING}`);
        try {
          await appendLines(current, deliveries);
        } catch (error) {
          // the file may end in half a line: nothing is appended to it any more
          current = undefined;
          throw error;
        }
      }),

    isWritable: () =>
      access(folder, constants.W_OK).then(
        () => true,
        () => false,
      ),

    async feed(store, ping) {
      // in one turn: an append after it begins a file that is not among these
      const names = await inTurn(() => {
        current = undefined;
        return readdir(folder);
      });
      let fed = 0;
      for (const name of names) {
        if (!name.endsWith(ENDING) || belongsToAnother(name)) continue;
        const path = join(folder, name);
        const deliveries = parseLines(await readIfThere(path), (line) =>
          log.warn({ file: name, line }, 'spool file ends in an unfinished line, which was never acknowledged'),
        );
        fed += await storeInParts(deliveries, store, async (delivery) => {
          await ping();
          await appendLines(join(folder, 'refused'), [delivery]);
          log.error(
            { delivery: delivery.id, site: delivery.site },
            'the ledger refuses a spooled delivery; kept in spool/refused',
          );
        });
        await rm(path, { force: true });
      }
      return fed;
    },
  };
}

/** Appends and syncs: what was acknowledged must survive the machine. */
async function appendLines(path: string, deliveries: readonly NewDelivery[]): Promise<void> {
  const file = await open(path, 'a', 0o600);
  try {
    await file.appendFile(deliveries.map((delivery) => `${JSON.stringify(delivery)}\n`).join(''));
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Another living server may still be appending to its file. */
function belongsToAnother(name: string): boolean {
  const pid = Number(name.split('-')[0]);
  return !name.startsWith(OWN_PREFIX) && isProcessAlive(pid) && name.startsWith(nameOf(pid));
}

/** A part that fails as a whole is stored one by one; what then still fails is given to `refused`, which throws when the ledger is down. */
async function storeInParts(
  deliveries: readonly NewDelivery[],
  store: (deliveries: readonly NewDelivery[]) => Promise<unknown>,
  refused: (delivery: NewDelivery) => Promise<void>,
): Promise<number> {
  for (let index = 0; index < deliveries.length; index += A_STATEMENT) {
    const part = deliveries.slice(index, index + A_STATEMENT);
    try {
      await store(part);
    } catch {
      for (const delivery of part) {
        await store([delivery]).catch((error: unknown) => {
          // only what the ledger can never hold is set aside; a full disk or a lost connection keeps the file
          if (!isDataError(error)) throw error;
          return refused(delivery);
        });
      }
    }
  }
  return deliveries.length;
}

/** SQLSTATE classes of data that does not fit: data exception, integrity constraint violation, program limit exceeded. */
const isDataError = (error: unknown): boolean => /^(2[23]|54)/.test(String((error as { code?: unknown }).code ?? ''));

/** Another server may have fed it in meanwhile. */
async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return '';
    throw error;
  }
}

function parseLines(text: string, onTorn: (line: number) => void): NewDelivery[] {
  return text.split('\n').flatMap((line, index) => {
    if (line === '') return [];
    try {
      return [JSON.parse(line) as NewDelivery];
    } catch {
      onTorn(index + 1);
      return [];
    }
  });
}
