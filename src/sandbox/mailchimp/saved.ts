import type { AudienceState } from './audience.js';
import type { AutomationTrigger, SandboxMember, StatusChange } from './member.js';
import type { SandboxMergeField } from './merge-fields.js';
import type { MergeValue } from './merge-values.js';
import type { SandboxTag } from './tags.js';

interface SavedMember extends Omit<SandboxMember, 'mergeFields' | 'tags'> {
  mergeFields: Record<string, MergeValue>;
  tags: { id: number; at: number }[];
}
interface SavedAudience {
  id: string;
  tags: Omit<SandboxTag, 'held'>[];
  mergeFields: SandboxMergeField[];
  members: SavedMember[];
  forgotten: string[];
  history: (Omit<StatusChange, 'at'> & { at: string })[];
  automations: (Omit<AutomationTrigger, 'at'> & { at: string })[];
  confirmationMails: string[];
}

/** An audience as plain JSON, for the snapshot and for `/__sandbox/state`; the log of writes is not in it. */
export function dumpAudience({ id, tags, mergeFields, byHash, forgotten, log }: AudienceState): unknown {
  return {
    id,
    tags: [...tags.byId.values()].map(({ held: _, ...tag }) => tag),
    mergeFields: mergeFields.list,
    members: [...byHash.values()].map((member) => ({
      ...member,
      mergeFields: Object.fromEntries(member.mergeFields),
      tags: member.tags.map(({ tag, at }) => ({ id: tag.id, at })),
    })),
    forgotten: [...forgotten],
    history: log.changes,
    automations: log.automations,
    confirmationMails: log.confirmationMails,
  };
}

/** Puts a dumped audience back into the one of the same id, as it was set up. */
export function loadAudience(audience: AudienceState, dumped: unknown): void {
  const saved = dumped as SavedAudience;
  for (const tag of saved.tags) audience.tags.put({ ...tag, held: 0 });
  audience.mergeFields.list.splice(0, Infinity, ...saved.mergeFields);
  for (const member of saved.members) audience.put(revive(audience, member));
  for (const hash of saved.forgotten) audience.forgotten.add(hash);
  for (const change of saved.history) audience.log.change({ ...change, at: new Date(change.at) });
  audience.log.automations.push(...saved.automations.map((one) => ({ ...one, at: new Date(one.at) })));
  audience.log.confirmationMails.push(...saved.confirmationMails);
}

function revive(audience: AudienceState, saved: SavedMember): SandboxMember {
  const tags = saved.tags.flatMap(({ id, at }) => {
    const tag = audience.tags.byId.get(id);
    if (tag) tag.held += 1;
    return tag ? [{ tag, at }] : [];
  });
  const { optedOutBy } = saved;
  return { ...saved, optedOutBy, mergeFields: new Map(Object.entries(saved.mergeFields)), tags };
}
