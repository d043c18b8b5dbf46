import { ApplicationFailure } from '@temporalio/common';
import { CredentialsUnreadable } from '../../src/ledger/credentials.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import type { RemovalBudget } from '../../src/ledger/removals.js';
import type { Logger } from '../../src/observe/log.js';
import type { Metrics } from '../../src/observe/metrics.js';
import type { ClassyClient } from '../../src/vendors/classy/client.js';

/** What the activities of `organizationSync` work with. */
export interface OrganizationDeps {
  ledger: Ledger;
  /** The client of an organization that is configured. @throws CredentialsUnreadable */
  classyOf(organization: string): Promise<ClassyClient | undefined>;
  /** More records than this are never marked missing without an operator's word. */
  budget: RemovalBudget;
  log: Logger;
  metrics: Metrics;
  /** Aborted when the process stops: long work ends after its present page. */
  stopping: AbortSignal;
}

/** The client of a run's organization. @throws ApplicationFailure, not retried, where there is none */
export async function clientOf({ classyOf }: OrganizationDeps, organization: string): Promise<ClassyClient> {
  try {
    const client = await classyOf(organization);
    if (client) return client;
  } catch (error) {
    if (!(error instanceof CredentialsUnreadable)) throw error;
    throw ApplicationFailure.nonRetryable(error.message, error.name);
  }
  throw ApplicationFailure.nonRetryable(
    `organization ${organization} is not configured; see steward organization list`,
    'OrganizationUnknown',
  );
}
