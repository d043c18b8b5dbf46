import type { SandboxAudience } from './mailchimp/sandbox-audience.js';
import { pick, type Random } from './random.js';

const minuteMs = 60_000;
const staffTags = ['Gala 2026', 'Volunteer', 'Press', 'Called in autumn'] as const;

/** Gentle life in an audience: `perMinute` (default 1) things that its people and its staff do, the same for the same `random`. */
export function startAudienceLife(
  audience: SandboxAudience,
  options: { perMinute?: number; random?: Random } = {},
): { stop(): void; step(): void } {
  const random = options.random ?? Math.random;
  const step = () => act(audience, random);
  const timer = setInterval(step, minuteMs / (options.perMinute ?? 1)).unref();
  return { stop: () => clearInterval(timer), step };
}

/** One thing that happens: mostly staff gives or takes a tag, at times somebody unsubscribes, and later signs up again. */
function act(audience: SandboxAudience, random: Random): void {
  const members = audience.members();
  const member = members[Math.floor(random() * members.length)];
  const luck = random();
  if (member?.status === 'unsubscribed' && luck < 0.3) audience.signUp(member.email);
  if (member?.status !== 'subscribed') return;
  const held = staffTags.find((name) => member.tags.includes(name));
  if (luck < 0.15) audience.unsubscribe(member.email);
  else if (luck < 0.4 && held) audience.untagByStaff(member.email, held);
  else audience.tagByStaff(member.email, pick(random, staffTags));
}
