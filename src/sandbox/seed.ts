import type { ImportRow } from './ghost/member-input.js';
import type { SandboxGhost } from './ghost.js';
import { pick, type Random, seededRandom } from './random.js';

const firstNames = ['Ada', 'Bela', 'Cato', 'Dunja', 'Enno', 'Fenja', 'Goran', 'Hanne', 'Ilse', 'Jorin', 'Zoë'] as const;
const lastNames = ['Ahlgrim', 'Brenn', 'Corvin', 'Dahlke', 'Ewing', 'Falk', "O'Grin", 'Halloran', 'Ibsen'] as const;
const labels = ['VIP', 'Press', 'Event 2026', 'Volunteer'] as const;
const longAgoMs = Date.UTC(2024, 0, 1);
const twoYearsMs = 2 * 365 * 24 * 3_600_000;

/** Puts invented members on a site without a webhook, the same ones for the same seed. */
export function seedPeople(ghost: SandboxGhost, count: number, seed: number): void {
  const random = seededRandom(seed);
  const rows = Array.from({ length: count }, (_, index) => inventPerson(random, `${seed}.${index + 1}`));
  ghost.members.importCsv(rows);
}

/** Somebody who does not exist; `tag` makes the address at example.org unique. */
export function inventPerson(random: Random, tag: string): ImportRow {
  const [first, last] = [pick(random, firstNames), pick(random, lastNames)];
  const local = `${first}.${last}`
    .normalize('NFKD')
    .replace(/[^A-Za-z.]/g, '')
    .toLowerCase();
  const luck = random();
  return {
    email: `${local}.${tag}@example.org`,
    name: random() < 0.05 ? null : `${first} ${last}`,
    status: luck < 0.15 ? 'paid' : luck < 0.2 ? 'comped' : 'free',
    labels: random() < 0.3 ? [pick(random, labels)] : [],
    subscribed: random() < 0.9,
    created_at: `${new Date(longAgoMs + Math.floor(random() * twoYearsMs)).toISOString().slice(0, 19)}.000Z`,
  };
}

/** A label of the sandbox. */
export function inventLabel(random: Random): string {
  return pick(random, labels);
}
