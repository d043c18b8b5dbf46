import type { SandboxClassy } from '../classy.js';
import { pick, type Random, seededRandom } from '../random.js';
import type { ClassyBooks } from './books.js';
import type { Row } from './collection.js';
import { type GiftInput, inventGift } from './invented-gifts.js';
import { inventSupporter, inventTimes } from './people.js';
import { seedPlan } from './seed-plans.js';
import { stampOf, timeOf } from './times.js';

/** How many records an organization gets. */
export type SeedSize =
  | 'small'
  | 'real'
  | { supporters: number; transactions: number; campaigns: number; plans: number };

const sizes = {
  small: { supporters: 40, transactions: 150, campaigns: 5, plans: 12 },
  real: { supporters: 9_480, transactions: 60_100, campaigns: 75, plans: 1_965 },
};
const dayMs = 86_400_000;
const monthMs = 30.4375 * dayMs;
const fiveYearsMs = 60 * monthMs;
const campaignTypes = ['dynamic', 'donation', 'crowdfunding', 'peer_to_peer', 'ticketed'] as const;

/** Gives an organization five years of invented records up to today, the same ones for the same seed and day. */
export function seedOrganization(classy: SandboxClassy, organizationId: number, size: SeedSize, seed = 7): void {
  const books = classy.organization(organizationId);
  const counts = typeof size === 'string' ? sizes[size] : size;
  const random = seededRandom(seed);
  const until = Math.floor(timeOf(books.surroundings.stamp()) / dayMs) * dayMs;
  const from = until - fiveYearsMs;
  const campaigns = Array.from({ length: counts.campaigns }, (_, index) =>
    seedCampaign(books, random, index, from, until),
  );
  const supporters = seedSupporters(books, random, `${organizationId}.${seed}`, counts.supporters, from, until);
  const gifts: GiftInput[] = [];
  const campaignOf = () => campaigns[Math.floor(random() * random() * campaigns.length)]?.id ?? books.firstCampaign();
  // One supporter in ten never gave.
  const donors = supporters.slice(0, Math.ceil(supporters.length * 0.9));
  const charges = Math.max(1, Math.floor((counts.transactions * 0.5) / Math.max(1, counts.plans)));
  for (let index = 0; index < counts.plans; index += 1) {
    const supporter = random() < 0.01 ? undefined : donors[Math.floor(random() * donors.length)];
    gifts.push(...seedPlan(books, random, { supporter, campaign: campaignOf(), charges, from, until }));
  }
  gifts.splice(counts.transactions);
  for (let index = 0; gifts.length < counts.transactions; index += 1) {
    const known = donors[index] ?? donors[Math.floor(random() * random() * donors.length)];
    const supporter = random() < 0.01 ? undefined : known;
    const joined = supporter ? timeOf(supporter['created_at']) : from;
    const at = index < donors.length ? joined : joined + Math.floor(random() * (until - joined));
    gifts.push({ at, until, campaign: campaignOf(), supporter });
  }
  gifts.sort((a, b) => a.at - b.at);
  for (const gift of gifts) books.transactions.put(inventGift(random, gift));
}

function seedCampaign(books: ClassyBooks, random: Random, index: number, from: number, until: number): Row {
  const { created_at, updated_at } = inventTimes(random, from, until);
  const hasEnded = index > 0 && random() < 0.4;
  return books.campaigns.put({
    name: index === 0 ? 'General giving' : `${pick(random, ['Spring', 'Summer', 'Winter', 'Relief'])} Appeal ${index}`,
    type: pick(random, campaignTypes),
    status: hasEnded ? 'deactivated' : 'active',
    goal: 1_000 * (1 + Math.floor(random() * 100)),
    is_general: index === 0 ? 1 : 0,
    ...(hasEnded && { ended_at: updated_at }),
    ...{ created_at, updated_at },
  });
}

/** Made oldest first, as their ids say; one in fifty shares the address of the one before. Given back shuffled. */
function seedSupporters(
  books: ClassyBooks,
  random: Random,
  tag: string,
  count: number,
  from: number,
  until: number,
): Row[] {
  const all: Row[] = [];
  // More of them came in the early years.
  const startOf = (index: number) => from + (until - from) * (index / Math.max(1, count)) ** 2;
  for (let index = 0; index < count; index += 1) {
    const start = startOf(index);
    const person = inventSupporter(random, `${tag}.${index + 1}`);
    const shared = random() < 0.02 ? all[index - 1]?.['email_address'] : undefined;
    const { created_at, updated_at } = inventTimes(random, start, startOf(index + 1));
    const isChanged = random() < 0.15;
    const changed = isChanged ? stampOf(new Date(start + random() * (until - start))) : updated_at;
    const times = { created_at, updated_at: changed > updated_at ? changed : updated_at };
    all.push(books.supporters.put({ ...person, ...(shared !== undefined && { email_address: shared }), ...times }));
  }
  return all
    .map((row) => ({ row, luck: random() }))
    .sort((a, b) => a.luck - b.luck)
    .map(({ row }) => row);
}
