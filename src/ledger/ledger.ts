import { createAudiences } from './audiences.js';
import { createCatchUp } from './catch-up.js';
import { createDonors } from './classy/donors.js';
import { createOrganizationRuns } from './classy/organization-runs.js';
import { createOrganizations } from './classy/organizations.js';
import { createSourcePages } from './classy/source-pages.js';
import { createSupporters } from './classy/supporters.js';
import { createContacts, DUE_CHANNEL } from './contacts.js';
import type { Database } from './database.js';
import { createDrain } from './drain.js';
import { createHistory } from './history.js';
import { createHolds } from './holds.js';
import { createInbox } from './inbox.js';
import { createObservations } from './observations.js';
import { createOptOuts } from './opt-outs.js';
import { createOutcomes } from './outcomes.js';
import { createParked } from './parked.js';
import { createPlans } from './plans.js';
import { createProgress } from './progress.js';
import { createProof } from './proof.js';
import { createRateLimits } from './rate-limits.js';
import { createReconcile } from './reconcile.js';
import { createRemovals } from './removals.js';
import { createReplay } from './replay.js';
import { createRuns } from './runs.js';
import { createSites } from './sites.js';
import { createStatus } from './status.js';
import { createWalks } from './walks.js';
import { createWriter } from './writer.js';

/** Every query there is, by what it is about. */
export type Ledger = ReturnType<typeof createLedger>;

/** The ledger on an open database. */
export function createLedger(database: Database) {
  return {
    inbox: createInbox(database),
    drain: createDrain(database),
    catchUp: createCatchUp(database),
    sites: createSites(database),
    parked: createParked(database),
    holds: createHolds(database),
    contacts: createContacts(database),
    audiences: createAudiences(database),
    writer: createWriter(database),
    removals: createRemovals(database),
    runs: createRuns(database),
    walks: createWalks(database),
    observations: createObservations(database),
    reconcile: createReconcile(database),
    plans: createPlans(database),
    outcomes: createOutcomes(database),
    optOuts: createOptOuts(database),
    proof: createProof(database),
    history: createHistory(database),
    replay: createReplay(database),
    progress: createProgress(database),
    organizations: createOrganizations(database),
    organizationRuns: createOrganizationRuns(database),
    sourcePages: createSourcePages(database),
    supporters: createSupporters(database),
    donors: createDonors(database),
    rateLimits: createRateLimits(database),
    status: createStatus(database),
    /** Calls back with the audience whenever contacts are marked due; a hint only. */
    onDue: (callback: (audience: string) => void) => database.listen(DUE_CHANNEL, callback),
    /** Answers when the database does. */
    ping: async (): Promise<void> => {
      await database.sql.query`SELECT 1`;
    },
    close: () => database.close(),
  };
}
