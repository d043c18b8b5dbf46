import type { ClassyBooks } from './books.js';
import { Collection, type Row } from './collection.js';
import { invalidParameter } from './errors.js';
import { fieldsOf, type Resource } from './fields.js';
import type { Askable } from './filter.js';

/** What the vendor calls one record of a resource, in the body of a 403. */
export const entityOf: Record<Resource, string> = {
  supporters: 'supporter',
  campaigns: 'campaign',
  transactions: 'transaction',
  'transaction-items': 'transaction_item',
  'recurring-donation-plans': 'recurring_donation_plan',
  'recurring-donation-history': 'recurring_donation_plan_history',
  'fundraising-pages': 'fundraising_page',
  'fundraising-teams': 'fundraising_team',
  designations: 'designation',
};

/** The rows of a resource of one organization. */
export function collectionOf(books: ClassyBooks, resource: Resource): Collection {
  switch (resource) {
    case 'supporters':
    case 'campaigns':
    case 'transactions':
      return books[resource];
    case 'recurring-donation-plans':
      return books.plans;
    case 'recurring-donation-history':
      return books.history;
    case 'transaction-items':
      return itemsOf(books);
    default:
      return nothing;
  }
}

/** What comes along with a row of a resource when `with` names it. */
export interface Association {
  name: string;
  resource: Resource;
  isMany: boolean;
  rows(books: ClassyBooks, row: Row): Row[];
}

const associations: Partial<Record<Resource, Association[]>> = {
  transactions: [
    { name: 'items', resource: 'transaction-items', isMany: true, rows: (_, row) => (row['items'] ?? []) as Row[] },
    {
      name: 'supporter',
      resource: 'supporters',
      isMany: false,
      rows: (books, row) => found(books.supporters, row['supporter_id']),
    },
    {
      name: 'recurring_donation_plan',
      resource: 'recurring-donation-plans',
      isMany: false,
      rows: (books, row) => found(books.plans, row['recurring_donation_plan_id']),
    },
  ],
  'transaction-items': [
    {
      name: 'transaction',
      resource: 'transactions',
      isMany: false,
      rows: (books, row) => found(books.transactions, row['transaction_id']),
    },
  ],
};

/** The associations a request asks for; one the resource does not have is a 400. */
export function associationsOf(resource: Resource, text: string | null): Association[] {
  if (text === null) return [];
  return text.split(',').map((name) => {
    const known = associations[resource]?.find((one) => one.name === name);
    if (!known) throw invalidParameter('with');
    return known;
  });
}

/** What the filter of a request may ask about. */
export function askable(books: ClassyBooks, resource: Resource, along: Association[]): Askable {
  const entries = along.map((one) => [
    one.name,
    { fields: fieldsOf[one.resource], rows: (row: Row) => one.rows(books, row) },
  ]);
  return { fields: fieldsOf[resource], associations: Object.fromEntries(entries) };
}

function found(collection: Collection, id: unknown): Row[] {
  const row = id === null || id === undefined ? undefined : collection.get(Number(id));
  return row ? [row] : [];
}

const items = new WeakMap<ClassyBooks, { version: number; collection: Collection }>();

/** The items of all transactions, gathered again after a change. */
function itemsOf(books: ClassyBooks): Collection {
  const { version } = books.transactions;
  const known = items.get(books);
  if (known?.version === version) return known.collection;
  const collection = detached();
  for (const row of books.transactions.list()) {
    for (const item of (row['items'] ?? []) as Row[]) collection.put(item);
  }
  items.set(books, { version, collection });
  return collection;
}

/** A collection that stands for itself. */
function detached(): Collection {
  return new Collection({ takeId: Number, stamp: () => '', changed: () => {} }, (row) => row);
}

const nothing = detached();
