import { tagKey } from '../../domain/tag-change.js';
import type { AudienceEvidence } from './audience-evidence.js';
import { stateOf } from './supporter-verdict.js';

/** What the audience was last known to hold of the address, by calls and by the newest reading; null where nothing is known. */
export function observedOf(evidence: AudienceEvidence) {
  const { contact, seen, isSeenLast, managedTags } = evidence;
  if (!contact && !seen) return null;
  return {
    state: stateOf(evidence) ?? null,
    at: (isSeenLast ? seen?.at : contact?.listStateAt) ?? null,
    by: isSeenLast ? ('reading' as const) : contact?.listStateAt ? ('call' as const) : null,
    outcome: contact?.settledOutcome ?? null,
    settledAt: contact?.settledAt ?? null,
    /** Why it was not stored as it should be. */
    reason: contact?.settledReason ?? null,
    addedBySteward: contact?.addedByUs ?? false,
    reading: seen
      ? {
          ...{ run: seen.run, mode: seen.mode, dryRun: seen.dryRun, at: seen.at, state: seen.state },
          ...{ stateDate: seen.stateDate, email: seen.email, name: seen.name, fields: seen.fields },
          /** Names that Steward may give and take, and those of others. */
          tags: {
            ours: seen.tags.filter((name) => managedTags.has(tagKey(name))),
            foreign: seen.tags.filter((name) => !managedTags.has(tagKey(name))),
          },
        }
      : null,
  };
}
