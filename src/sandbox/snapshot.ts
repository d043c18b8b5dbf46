import { readFileSync, renameSync, writeFileSync } from 'node:fs';

const debounceMs = 200;

/** Keeps a stand-in's state in a file: `changed` saves soon, `close` saves now; without a file nothing happens. */
export interface Snapshot {
  changed(): void;
  close(): void;
}

/** Loads the file, if there is one, then keeps it up to date; a file that cannot be read as JSON is an error. */
export function openSnapshot(file: string | undefined, load: (state: unknown) => void, dump: () => unknown): Snapshot {
  if (!file) return { changed: () => {}, close: () => {} };
  const text = readIfThere(file);
  if (text !== undefined) load(JSON.parse(text));

  let timer: NodeJS.Timeout | undefined;
  let tookMs = 0;
  const save = () => {
    timer = undefined;
    const start = performance.now();
    writeFileSync(`${file}.new`, JSON.stringify(dump()), { mode: 0o600 });
    renameSync(`${file}.new`, file);
    tookMs = performance.now() - start;
  };
  return {
    changed: () => {
      // Ten times what a save takes: a large state under constant change must not be saved all the time.
      timer ??= setTimeout(save, Math.max(debounceMs, 10 * tookMs)).unref();
    },
    close: () => {
      clearTimeout(timer);
      save();
    },
  };
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
