import type { SandboxAudience } from './mailchimp/sandbox-audience.js';
import { seedAudience } from './mailchimp/seed-audience.js';

/** People whom nobody else knows. */
const FOREIGN = 12;

/**
 * Fills an audience as years of other people's work would have: strangers with tags of their own, and of the given addresses
 * some who are there already, in every status.
 */
export function seedBeside(audience: SandboxAudience, addresses: readonly string[], seed: number): void {
  seedAudience(audience, { members: FOREIGN, seed });
  const [tagged, named, former, left, angry, bounced, archived] = addresses;
  if (tagged) audience.addByStaff(tagged, { tags: ['Gala 2024', 'Board'] });
  if (named) audience.addByStaff(named, { mergeFields: { FNAME: 'Friend' } });
  // of an earlier attempt with the same names
  if (former) audience.addByStaff(former, { tags: ['Classy-Prospect', 'Volunteer'] });
  for (const address of [left, angry]) {
    if (!address) continue;
    audience.addByStaff(address);
    audience.unsubscribe(address);
  }
  if (bounced) audience.addByStaff(bounced);
  if (bounced) audience.bounce(bounced);
  if (archived) audience.addByStaff(archived);
  if (archived) audience.archiveByStaff(archived);
}
