import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../src/ledger/ledger.js';
import type { Logger } from '../src/observe/log.js';
import { VendorError } from '../src/vendors/errors.js';
import type { GhostClient } from '../src/vendors/ghost/client.js';

/** Reads of one site's Ghost on behalf of one run, which probes it while it is paused. */
export interface SourceReader {
  /** Reads; a failure that concerns the whole source pauses it and is thrown, the first success ends the pause. */
  read<T>(request: () => Promise<T>): Promise<T>;
  /** Milliseconds that the source was kept busy so far. */
  busyMs(): number;
}

/** A reader for a run that goes by `probe` while its site is paused. */
export function createSourceReader(
  { ledger, log }: { ledger: Ledger; log: Logger },
  site: string,
  ghost: GhostClient,
  probe: string,
): SourceReader {
  let hasAnswered = false;
  let busyMs = 0;
  return {
    async read(request) {
      const begun = performance.now();
      try {
        const result = await withPatience(request);
        if (!hasAnswered && (await ledger.sites.resume(site))) {
          await ledger.inbox.wakeAll(site);
          log.info({ site }, 'Ghost answers again: its pause is over');
        }
        hasAnswered = true;
        return result;
      } catch (error) {
        if (error instanceof VendorError && (await concernsAll(ghost, error)))
          await pauseSource({ ledger, log }, site, probe, error);
        throw error;
      } finally {
        busyMs += performance.now() - begun;
      }
    },
    busyMs: () => Math.round(busyMs),
  };
}

/** One bad answer among many good ones is asked for again in place: an attempt of the whole activity costs far more. */
export async function withPatience<T>(request: () => Promise<T>): Promise<T> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof VendorError) || error.details.kind !== 'down') throw error;
      await sleep(pauseMs);
    }
  }
  return request();
}

const PAUSES_MS = [500, 2_000];

/** Whether a failed read is about the whole source: its key is refused, or it does not even answer something small. */
export async function concernsAll(ghost: GhostClient, { details: { kind } }: VendorError): Promise<boolean> {
  if (kind === 'refused' || kind === 'rate-limited') return kind === 'refused';
  return !(await answers(ghost));
}

/** Whether a vendor answers something small. */
export const answers = (vendor: { probe(): Promise<unknown> }): Promise<boolean> =>
  vendor.probe().then(
    () => true,
    () => false,
  );

/** What concerns the whole source pauses it, with one run as its probe. */
export async function pauseSource(
  { ledger, log }: { ledger: Ledger; log: Logger },
  site: string,
  probe: string,
  error: VendorError,
): Promise<void> {
  const type = error.details.kind === 'refused' ? 'SourceRefused' : 'SourceDown';
  const isNews = await ledger.sites.pause(site, probe, type, error.message);
  if (isNews)
    log.warn({ site, type, reason: error.message }, 'Ghost is paused: deliveries wait and are taken up by themselves');
}
