import type { AudienceSyncInput } from '../../contract/audience-sync.js';
import type { OrganizationAudience } from '../processes/organization-audiences.js';
import type { Session } from '../session.js';
import type { StartRun } from '../sync/run-sync.js';
import { FAST_ALREADY, wordsOfFirstSync } from './first-sync.js';

/** What is asked for of an audience. */
export type AskedOfAudience = Pick<AudienceSyncInput, 'mode' | 'dryRun' | 'limit' | 'plan' | 'fast'>;

/** Starts a run of an organization's audience. */
export const startAudienceSync =
  ({ starter }: Session, { audience, kind, organization }: OrganizationAudience, asked: AskedOfAudience): StartRun =>
  (how) =>
    starter.startAudienceSync({ audience, queue: kind.name, ...asked, ...how }, organization.id);

/** Says on standard error what is special about a run before it begins. */
export async function announce(
  { ledger }: Session,
  { audience, kind }: OrganizationAudience,
  { fast = false, limit, dryRun }: AskedOfAudience,
): Promise<void> {
  const isAdopted = await ledger.runs.isAdopted(audience);
  const { tags } = kind.capabilities({ onRemoval: 'unsubscribe' });
  if (isAdopted && fast) process.stderr.write(`${FAST_ALREADY}\n`);
  if (!isAdopted && !dryRun)
    process.stderr.write(`${wordsOfFirstSync({ audience, title: kind.title, hasTags: tags, fast, limit })}\n`);
}
