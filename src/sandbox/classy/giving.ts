import type { SandboxClassy } from '../classy.js';
import type { Random } from '../random.js';
import type { ClassyBooks } from './books.js';
import type { Collection, Row } from './collection.js';
import { inventAmount } from './invented-gifts.js';
import { inventSupporter } from './people.js';

const minuteMs = 60_000;

/** Gentle giving at an organization: `perMinute` (default 6) gifts and what goes with them, the same for the same `random`. */
export function startGiving(
  classy: SandboxClassy,
  organizationId: number,
  options: { perMinute?: number; random?: Random } = {},
): { stop(): void; step(): void } {
  const random = options.random ?? Math.random;
  const books = classy.organization(organizationId);
  const step = () => act(books, random);
  const timer = setInterval(step, minuteMs / (options.perMinute ?? 6)).unref();
  return { stop: () => clearInterval(timer), step };
}

/** One thing that happens: mostly gifts, a fifth of them by somebody new. */
function act(books: ClassyBooks, random: Random): void {
  const luck = random();
  const supporter = anyOf(books.supporters, random);
  const gift = anyOf(books.transactions, random);
  const plan = anyOf(books.plans, random);
  if (!supporter || luck < 0.15) give(books, random, join(books, random));
  else if (luck < 0.7) give(books, random, supporter);
  else if (luck < 0.8) books.supporters.edit(supporter.id, { opt_in: supporter['opt_in'] !== true });
  else if (luck < 0.83) gift?.['status'] === 'success' && books.refund(gift.id);
  else if (plan?.['status'] !== 'active') give(books, random, supporter);
  else if (luck < 0.97) books.chargePlan(plan.id);
  else books.cancelPlan(plan.id);
}

function join(books: ClassyBooks, random: Random): Row {
  const tag = `${books.organization.id}.${books.supporters.size}.${Math.floor(random() * 1_000_000)}`;
  return books.supporters.put(inventSupporter(random, tag));
}

function give(books: ClassyBooks, random: Random, supporter: Row): void {
  const campaign = anyOf(books.campaigns, random);
  books.gift({ supporter: supporter.id, amount: inventAmount(random), ...(campaign && { campaign: campaign.id }) });
}

function anyOf(collection: Collection, random: Random): Row | undefined {
  return collection.inIdOrder[Math.floor(random() * collection.size)]?.row;
}
