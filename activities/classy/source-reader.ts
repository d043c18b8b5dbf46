import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/common';
import type { ClassyClient } from '../../src/vendors/classy/client.js';
import { VendorError } from '../../src/vendors/errors.js';
import { withPatience } from '../source-pause.js';
import type { OrganizationDeps } from './organization-source.js';

/** An answer, and the time before its request. */
export interface Read<T> {
  answer: T;
  asOf: Date;
}

/** Requests to one organization's Classy on behalf of one run. */
export interface OrganizationReader {
  /** Sends a request with the time before it; a failure that concerns the whole source pauses the organization and is thrown. */
  read<T>(request: () => Promise<T>): Promise<Read<T>>;
  /** Sends a request about one record: its failure says nothing of the source. */
  attempt<T>(request: () => Promise<T>): Promise<Read<T>>;
}

/** A source that asks to wait is waited for in place, so long and so often at most; beyond, the slot is for others meanwhile. */
const LONGEST_WAIT_MS = 60_000;
const MOST_WAITS = 5;
/** Where it does not say when. */
const USUAL_WAIT_MS = 10_000;
const SLICE_MS = 500;

/** A reader for a run; several requests may be under way at once. */
export function createOrganizationReader(
  { ledger, log }: OrganizationDeps,
  organization: string,
  client: ClassyClient,
  check: () => void,
): OrganizationReader {
  let hasAnswered = false;

  const afterLimit = async <T>(request: () => Promise<T>): Promise<T> => {
    for (let waits = 0; ; waits += 1) {
      try {
        return await request();
      } catch (error) {
        if (!(error instanceof VendorError) || error.details.kind !== 'rate-limited') throw error;
        const waitMs = error.details.retryAfterMs ?? USUAL_WAIT_MS;
        if (waits === MOST_WAITS || waitMs > LONGEST_WAIT_MS) throw error;
        log.debug({ organization, waitMs }, 'Classy asks to wait');
        await pauseFor(Math.max(waitMs, SLICE_MS), check);
      }
    }
  };

  const attempt = async <T>(request: () => Promise<T>): Promise<Read<T>> => {
    let asOf = new Date(0);
    const answer = await afterLimit(() =>
      withPatience(async () => {
        asOf = await ledger.walks.now();
        return request();
      }),
    );
    return { answer, asOf };
  };

  return {
    attempt,
    async read(request) {
      try {
        const read = await attempt(request);
        if (!hasAnswered && (await ledger.organizations.resume(organization)))
          log.info({ organization }, 'Classy answers again: the pause is over');
        hasAnswered = true;
        return read;
      } catch (error) {
        if (!(error instanceof VendorError)) throw error;
        const { kind } = error.details;
        if (await concernsAll(client, error)) await pause(kind === 'refused' ? 'SourceRefused' : 'SourceDown', error);
        // this resource alone is refused, or asked for as Classy does not know it: waiting does not heal that
        else if (kind === 'refused' || kind === 'rejected')
          throw ApplicationFailure.nonRetryable(`${error.message}${adviceOn(error, organization)}`, 'ResourceRefused');
        throw error;
      }
    },
  };

  async function pause(type: string, error: VendorError): Promise<void> {
    const message = `${error.message}${adviceOn(error, organization)}`;
    const isNews = await ledger.organizations.pause(organization, type, message);
    if (isNews) log.warn({ organization, type, reason: message }, 'Classy is paused: syncs go on by themselves');
  }
}

/** Whether a failed request is about the whole organization: its credentials are refused, or nothing small is answered either. */
async function concernsAll(client: ClassyClient, { details: { kind, code } }: VendorError): Promise<boolean> {
  if (kind === 'rate-limited' || kind === 'rejected') return false;
  if (kind === 'refused' && code !== 'PERMISSION') return true;
  return client.organizations().then(
    () => false,
    () => true,
  );
}

/** The failure of a request about one record. @throws where it says something of Classy, not of the record */
export function failureOfOne(error: unknown): VendorError {
  if (!(error instanceof VendorError) || error.details.kind === 'rate-limited') throw error;
  return error;
}

/** Waits in slices. @throws when the work is cancelled, or its worker stops */
async function pauseFor(ms: number, check: () => void): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end; ) {
    check();
    await sleep(Math.min(SLICE_MS, Math.max(1, end - Date.now())));
  }
}

function adviceOn({ details: { status, code } }: VendorError, organization: string): string {
  if (code === 'CREDENTIALS') return `: check client id and secret, then steward organization update ${organization}`;
  if (code === 'PERMISSION')
    return ': the application may not read this; ask Classy which of its permissions is missing';
  if (status === 403 && code === 'HTML')
    return ': what stands in front of Classy turns us away; ask Classy for an x-integration-id (classy.headers in steward.config.json)';
  return '';
}
