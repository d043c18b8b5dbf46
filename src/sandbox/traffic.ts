import type { MemberInput } from './ghost/member-input.js';
import type { SandboxGhost } from './ghost.js';
import { pick, type Random } from './random.js';
import { inventLabel, inventPerson } from './seed.js';

const minuteMs = 60_000;

/** Gentle life on a site: `perMinute` (default 12) sign-ups and edits, the same ones for the same seeded `random`. */
export function startTraffic(
  ghost: SandboxGhost,
  options: { perMinute?: number; random?: Random } = {},
): { stop(): void; step(): void } {
  const random = options.random ?? Math.random;
  const step = () => act(ghost, random);
  const timer = setInterval(step, minuteMs / (options.perMinute ?? 12)).unref();
  return { stop: () => clearInterval(timer), step };
}

/** One thing that happens: a third sign-ups, mostly edits, one deletion in a thousand. */
function act(ghost: SandboxGhost, random: Random): void {
  const luck = random();
  const index = Math.floor(random() * ghost.members.size);
  const row = ghost.store.rows[index];
  if (!row || luck < 0.3) signUp(ghost, random);
  else if (luck < 0.301) ghost.members.remove(row.id);
  else if (luck < 0.45) ghost.members.touchLastSeen(row.id);
  else ghost.members.edit(row.id, editOf(ghost, random, luck, row.id));
}

function signUp(ghost: SandboxGhost, random: Random): void {
  const { created_at: _, ...person } = inventPerson(random, freeTag(ghost, random));
  if (!ghost.store.byEmail(person.email)) ghost.members.add(person);
}

function editOf(ghost: SandboxGhost, random: Random, luck: number, id: string): MemberInput {
  const { name = null, email } = inventPerson(random, freeTag(ghost, random));
  if (luck < 0.6) return { name };
  if (luck < 0.65) return ghost.store.byEmail(email) ? { name } : { email };
  if (luck < 0.8) return { status: pick(random, ['free', 'paid', 'comped']) };
  if (luck < 0.9) return { subscribed: !ghost.members.get(id)?.subscribed };
  return { labels: random() < 0.3 ? [] : [inventLabel(random)] };
}

function freeTag(ghost: SandboxGhost, random: Random): string {
  return `${ghost.members.size}.${Math.floor(random() * 1_000_000)}`;
}
