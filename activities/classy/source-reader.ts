import { setTimeout as sleep } from 'node:timers/promises';
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

/** A source that says when to come again is waited for in place, so long at most; beyond, the next attempt of the activity comes. */
const LONGEST_WAIT_MS = 5 * 60_000;
const MOST_WAITS = 10;
/** Where it does not say when. */
const USUAL_WAIT_MS = 10_000;

/** A reader for a run; several requests may be under way at once. */
export function createOrganizationReader(
  { ledger, log, stopping }: OrganizationDeps,
  organization: string,
  client: ClassyClient,
  signal: AbortSignal,
): OrganizationReader {
  let hasAnswered = false;
  const either = AbortSignal.any([signal, stopping]);

  const afterLimit = async <T>(request: () => Promise<T>): Promise<T> => {
    for (let waits = 0; ; waits += 1) {
      try {
        return await request();
      } catch (error) {
        if (!(error instanceof VendorError) || error.details.kind !== 'rate-limited' || waits === MOST_WAITS)
          throw error;
        const waitMs = Math.min(error.details.retryAfterMs ?? USUAL_WAIT_MS, LONGEST_WAIT_MS);
        log.debug({ organization, waitMs }, 'Classy asks to wait');
        await sleep(Math.max(waitMs, 100), undefined, { signal: either });
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
        if (error instanceof VendorError && (await concernsAll(client, organization, error)))
          await pause(error.details.kind === 'refused' ? 'SourceRefused' : 'SourceDown', error);
        throw error;
      }
    },
  };

  async function pause(type: string, error: VendorError): Promise<void> {
    const message = `${error.message}${adviceOn(error)}`;
    const isNews = await ledger.organizations.pause(organization, type, message);
    if (isNews) log.warn({ organization, type, reason: message }, 'Classy is paused: syncs go on by themselves');
  }
}

/** Whether a failed request is about the whole organization: its credentials are refused, or nothing small is answered either. */
async function concernsAll(client: ClassyClient, organization: string, { details }: VendorError): Promise<boolean> {
  if (details.kind !== 'down') return details.kind === 'refused';
  return client.probe(organization).then(
    () => false,
    () => true,
  );
}

function adviceOn({ details: { status, code } }: VendorError): string {
  if (code === 'CREDENTIALS') return ': check client id and secret, then steward organization update';
  if (code === 'PERMISSION')
    return ': the application may not read this; ask Classy which of its permissions is missing';
  if (status === 403 && code === 'HTML')
    return ': what stands in front of Classy turns us away; ask Classy for an x-integration-id (classy.headers in steward.config.json)';
  return '';
}
