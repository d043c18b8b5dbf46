import type { Capabilities } from '../../audiences/destination.js';
import { destinationKinds } from '../../audiences/registry.js';
import { audienceSyncWorkflowId } from '../../contract/workflow-ids.js';
import { scopeOf } from '../../ledger/classy/supporters-as-people.js';
import type { OrganizationAudience } from '../processes/organization-audiences.js';
import { audienceDestination } from '../processes/organization-targets.js';
import type { Session } from '../session.js';
import type { SyncSubject } from '../sync/subject.js';

interface Rate {
  perMinute?: number | null | undefined;
  connections?: number | undefined;
}

/** An organization's audience as what is synced. Reads, removes and reads again to take one person off. */
export function audienceSubject(session: Session, one: OrganizationAudience): SyncSubject {
  const { limits, tagging, capabilities } = audienceDestination(session, one);
  const rates: Readonly<Record<string, Rate | undefined>> = session.config.rateLimits;
  const { perMinute, connections = limits.callsAtOnce } = rates[one.kind.name] ?? {};
  return {
    kind: 'audience',
    name: one.audience,
    filedUnder: scopeOf(one.organization.id),
    workflowId: audienceSyncWorkflowId(one.audience),
    removed: removedWords(one, capabilities),
    limits: {
      title: one.kind.title,
      batchSize: limits.batchSize,
      pageSize: limits.pageSize,
      callsAtOnce: Math.min(limits.callsAtOnce, connections),
      perMinute: perMinute ?? undefined,
      removalCalls: 3,
      tagging,
      tagsStartAutomations: capabilities.tagsStartAutomations,
    },
  };
}

function removedWords({ kind }: OrganizationAudience, { removedState }: Capabilities): SyncSubject['removed'] {
  if (removedState === 'Unsubscribed') return 'unsubscribed';
  return kind.name === destinationKinds.mailchimp.name ? 'archived' : 'taken off the list';
}
