import type { MemberFacts } from '../../src/domain/member.js';

/** A moment of a made-up day, in seconds after noon. */
export const at = (seconds: number): Date => new Date(Date.UTC(2026, 10, 21, 12) + seconds * 1000);

/** A member as Ghost would tell it, with what a case needs changed. */
export const facts = (changed: Partial<MemberFacts> = {}): MemberFacts => ({
  email: 'Ann@Example.org',
  name: 'Ann Lee',
  status: 'free',
  labels: ['VIP'],
  emailEnabled: true,
  suppressed: false,
  signedUpAt: at(-3600),
  ...changed,
});
