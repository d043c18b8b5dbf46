import { setTimeout as sleep } from 'node:timers/promises';
import { CliError, ExitCode } from '../exit.js';
import { createStatusLine } from './status-line.js';

const POLL_MS = 500;
/** A run that nobody has taken after this long waits for a worker. */
export const UNTAKEN_MS = 10_000;
export const UNTAKEN = 'no worker has taken it yet; is Steward running? See steward daemon status';

/** What is to be seen of one thing that goes on. */
export interface Sight {
  id: string;
  /** Told once for as long as it stays the same, where there is no terminal. */
  news: string;
  /** With figures, for a terminal; undefined where it has ended. */
  line: string | undefined;
}

/** Tells on standard error what `look` sees, until `until` settles: a line in place on a terminal, else a line for each news. */
export async function follow(
  look: () => Promise<readonly Sight[]>,
  { json, until }: { json: boolean; until: Promise<unknown> },
): Promise<void> {
  const status = createStatusLine();
  const ended = new AbortController();
  const end = (): void => ended.abort();
  until.then(end, end);
  const told = new Map<string, string>();
  const tell = async (): Promise<void> => {
    const sights = await look();
    for (const { id, news } of sights) {
      if (!status.isShown && !json && told.get(id) !== news) process.stderr.write(`${news}\n`);
      told.set(id, news);
    }
    const lines = sights.flatMap(({ line }) => line ?? []);
    if (lines.length > 0) status.show(lines.join(' | '));
  };
  while (!ended.signal.aborted) {
    // progress that cannot be read is not worth an error
    await tell().catch(() => undefined);
    await sleep(POLL_MS, undefined, { signal: ended.signal }).catch(() => undefined);
  }
  status.clear();
}

/** What `work` gives, unless Ctrl-C comes first: then the command ends with these words and the work goes on. */
export async function unlessInterrupted<T>(work: Promise<T>, words: () => string): Promise<T> {
  let stop = (): void => undefined;
  const interrupted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(new CliError(`\n${words()}`, ExitCode.Interrupted));
  });
  process.once('SIGINT', stop);
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    process.off('SIGINT', stop);
  }
}
