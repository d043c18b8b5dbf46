import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { ReadResourceActivities, ResourceSyncInput } from '../../src/contract/organization-sync.js';
import type { OrganizationRun } from '../../src/ledger/classy/organization-runs.js';
import type { PageRun } from '../../src/ledger/classy/source-pages.js';
import type { ListQuery, RecordsPage } from '../../src/vendors/classy/client.js';
import type { RecordsRead } from '../../src/vendors/classy/records.js';
import { beat } from '../beating.js';
import { askForMissing } from './ask-for-missing.js';
import { clientOf, type OrganizationDeps } from './organization-source.js';
import { readChanges } from './read-changes.js';
import { readFull } from './read-full.js';
import { createOrganizationReader, type OrganizationReader } from './source-reader.js';

/** One reading of one resource: what it works on, and how it tells where it is. */
export interface ResourceReading {
  deps: OrganizationDeps;
  pageRun: PageRun;
  run: OrganizationRun;
  read: OrganizationReader['read'];
  attempt: OrganizationReader['attempt'];
  /** A page of the resource; an empty one is asked for twice. */
  list(query: ListQuery): Promise<RecordsPage>;
  /** One record; undefined when it is gone. */
  one(id: string): Promise<RecordsRead | undefined>;
  /** By the source's clock: what it had changed by then is known once everything on and before this page is. */
  readToOf(page: RecordsPage): Date | undefined;
  /** How many records there are to be read. */
  expect(total: number | undefined): Promise<void>;
  /** Called after pages were committed. */
  written(): Promise<void>;
  /** @throws when the work is cancelled, or its worker stops */
  check(): void;
  /** A moment in which others may get on. */
  breath(): Promise<void>;
}

const BREATH_MS = 20;
const TELL_MS = 500;
/** A reading that was not whole marks nothing as missing. */
const NOBODY = { people: 0, share: 0 };

/** The activity of `organizationSync` that reads Classy. */
export function createReadActivities(deps: OrganizationDeps): ReadResourceActivities {
  return { readResource: (input) => readResource(deps, input) };
}

async function readResource(deps: OrganizationDeps, input: ResourceSyncInput): Promise<void> {
  const { ledger } = deps;
  const { organization, resource, mode, run: runId, dryRun = false } = input;
  const run = await ledger.organizationRuns.find(runId);
  if (!run) throw ApplicationFailure.nonRetryable(`run ${runId} is not in the ledger`, 'RunUnknown');
  const client = await clientOf(deps, organization);
  const beating = beat(deps.stopping, {});
  const reader = createOrganizationReader(deps, organization, client, () => beating.check());
  // each request under way listens to it
  setMaxListeners(0, cancellationSignal());
  const tell = (): Promise<void> => ledger.organizationRuns.progress(runId, { requests: run.requests + requests });
  const list = (query: ListQuery): Promise<RecordsPage> => {
    requests += 1;
    return client.list(organization, resource, query, cancellationSignal());
  };
  let toldAt = 0;
  let requests = 0;
  const reading: ResourceReading = {
    deps,
    run,
    pageRun: { run: runId, organization, resource, dryRun },
    read: reader.read,
    attempt: reader.attempt,
    async list(query) {
      const page = await list(query);
      if (page.length > 0 || !query.filter) return page;
      // a cache that repeats an empty page would end a reading early: another address says so too, or it is not so
      return list({ ...query, filter: [...query.filter, 'id>0'] });
    },
    one(id) {
      requests += 1;
      return client.read(organization, resource, id, cancellationSignal());
    },
    readToOf,
    async expect(total) {
      if (total !== undefined) await ledger.organizationRuns.progress(runId, { expected: total });
    },
    async written() {
      if (Date.now() - toldAt < TELL_MS) return;
      toldAt = Date.now();
      await tell();
    },
    check: () => beating.check(),
    breath: () => sleep(BREATH_MS),
  };
  try {
    if (resource === 'transactions' && !dryRun) await ledger.organizationRuns.countDated(organization);
    await ledger.organizationRuns.progress(runId, { phase: 'reading' });
    const { readTo, fullAt } = await ledger.organizationRuns.cursor(organization, resource);
    // the first time everything is new, and reading it by ids is far quicker
    if (mode === 'incremental' && readTo) await readChanges(reading, readTo);
    else {
      const begunAt = await readFull(reading, fullAt === undefined);
      const isWhole = dryRun || (await askForMissing(reading));
      const guard = input.confirmMissing ? undefined : deps.budget;
      await ledger.organizationRuns.finishFull(input, begunAt, isWhole ? guard : NOBODY);
    }
  } finally {
    await tell().catch(() => undefined);
    beating.stop();
  }
}

/** The newest change on the page, but no later than the source's own clock: one odd record must not hide all that follows. */
function readToOf({ updatedAts, answeredAt }: RecordsPage): Date | undefined {
  const newest = updatedAts.reduce<Date | undefined>(
    (latest, time) => (latest && latest > time ? latest : time),
    undefined,
  );
  return newest && answeredAt && answeredAt < newest ? answeredAt : newest;
}
