import type { SandboxGhost } from '../../src/sandbox/index.js';
import type { Testbed } from './testbed.js';

/** What a list should hold of one member, computed from Ghost alone and by nothing of Steward's. */
interface Truth {
  name: string;
  ghost_status: string;
  ghost_labels: string;
  ghost_email_enabled: string;
}

const truthOf = (member: NonNullable<ReturnType<SandboxGhost['members']['get']>>): Truth => ({
  name: member.name ?? '',
  ghost_status: member.status,
  ghost_labels: member.labels.map(({ name }) => name).join(','),
  ghost_email_enabled: String(member.subscribed),
});

/** Every living member against the list: the members whose subscriber differs, and the Active ones that nobody holds. */
export function differences(bed: Pick<Testbed, 'ghost' | 'list' | 'cm'>, site: string): string[] {
  const ghost = bed.ghost(site);
  const { listId } = bed.list(site);
  const held = new Set<string>();
  const wrong: string[] = [];
  for (const id of ghost.members.ids()) {
    const member = ghost.members.get(id)!;
    held.add(member.email.toLowerCase());
    const there = bed.cm.state.subscriber(listId, member.email);
    const fields = Object.fromEntries(there?.fields ?? []);
    const seen = there && {
      name: there.name,
      ghost_status: fields['ghost_status'],
      ghost_labels: fields['ghost_labels'] ?? '',
      ghost_email_enabled: fields['ghost_email_enabled'],
    };
    const should = truthOf(member);
    if (there?.state !== 'Active' || JSON.stringify(seen) !== JSON.stringify(should))
      wrong.push(`${id}: ${there?.state} ${JSON.stringify(seen)} but should be ${JSON.stringify(should)}`);
  }
  for (const [address, { state }] of bed.list(site).subscribers) {
    if (state === 'Active' && !held.has(address)) wrong.push(`${address} is Active but nobody's`);
  }
  return wrong;
}
