import { pick, seededRandom } from '../random.js';
import type { SandboxAudience } from './sandbox-audience.js';
import { giveTag } from './tags.js';
import { toSecond } from './times.js';

const firstNames = ['Ada', 'Bela', 'Cato', 'Dunja', 'Enno', 'Fenja', 'Goran', 'Hanne', 'Zoë'] as const;
const lastNames = ['Ahlgrim', 'Brenn', 'Corvin', 'Dahlke', 'Ewing', 'Falk', "O'Grin", 'Halloran'] as const;
const foreignTags = ['Gala 2024', 'Volunteer', 'Press', 'Imported 2023', 'Board'];
const yearMs = 365 * 24 * 3_600_000;
const cause = { by: 'seed', via: 'seed' } as const;

/** How an audience is filled. */
export interface AudienceSeed {
  members: number;
  /** Default 1. */
  seed?: number;
  /** Names that the members hold by turns; default five that no program owns. */
  tags?: string[];
  /** Tags that each of them holds; default 0 to 2. */
  tagsEach?: number;
  /** The address of each, by place; default at example.org. */
  emailOf?: (index: number) => string;
}

/** Fills an audience with people of foreign origin, the same ones for the same seed; they changed over the past year. */
export function seedAudience(audience: SandboxAudience, { members, seed = 1, ...options }: AudienceSeed): void {
  const random = seededRandom(seed);
  const tags = (options.tags ?? foreignTags).map((name) => audience.tagNamed(name));
  const emailOf = options.emailOf ?? ((index) => `foreign.${seed}.${index + 1}@example.org`);
  const now = audience.second();
  for (let index = 0; index < members; index += 1) {
    const at = toSecond(now - yearMs + (yearMs * index) / members);
    const luck = random();
    const status = luck < 0.9 ? 'subscribed' : luck < 0.96 ? 'unsubscribed' : 'cleaned';
    const member = audience.create(emailOf(index), status, cause);
    if (status === 'unsubscribed') member.optedOutBy = 'contact';
    member.mergeFields.set('FNAME', pick(random, firstNames)).set('LNAME', pick(random, lastNames));
    const count = options.tagsEach ?? Math.floor(random() * 3);
    for (let turn = 0; turn < Math.min(count, tags.length); turn += 1) {
      const tag = tags[(index + turn) % tags.length];
      if (tag) giveTag(member, tag, at);
    }
    member.source = 'Import';
    member.changedAt = at;
  }
  audience.surroundings.changed();
}
