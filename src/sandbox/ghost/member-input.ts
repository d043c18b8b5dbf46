import { invalid } from './errors.js';
import type { GhostStore, MemberRow, MemberStatus } from './store.js';

/** A label, newsletter or tier as a client names it: by name or slug, or as an object with one of these or an id. */
export type Named = string | { id?: string; name?: string; slug?: string };

/** What a member is made from, or what is changed; lists replace the whole list. */
export interface MemberInput {
  email?: string;
  name?: string | null;
  note?: string | null;
  geolocation?: string | null;
  status?: MemberStatus;
  labels?: Named[];
  newsletters?: Named[];
  /** True joins the newsletters of a new sign-up, false leaves all; ignored beside `newsletters`. */
  subscribed?: boolean;
  tiers?: Named[];
  last_seen_at?: string | null;
}

/** A row of a CSV import, which may say when somebody joined. */
export type ImportRow = MemberInput & { email: string; created_at?: string };

const longest = 191;

/** Refuses, with 422, an address that is none, is too long, or belongs to another member. */
export function checkEmail(store: GhostStore, email: string, own?: MemberRow): void {
  const message = `Validation error, cannot ${own ? 'edit' : 'save'} member.`;
  if (typeof email !== 'string' || email.length > longest || !/^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(email)) {
    throw invalid(message, 'Invalid Email', 'email');
  }
  const taken = store.byEmail(email);
  if (!taken || taken === own) return;
  throw invalid(message, 'Member already exists. Attempting to add member with existing email address', 'email');
}

/** The ids of labels, which are made when there are none of that name. */
export function labelIds(store: GhostStore, named: Named[]): string[] {
  const ids = named.map((one) => {
    if (typeof one !== 'string' && one.id && store.labels.has(one.id)) return one.id;
    return store.labelNamed(typeof one === 'string' ? one : (one.name ?? one.slug ?? '')).id;
  });
  return [...new Set(ids)];
}

/** The ids of the newsletters an input asks for, or undefined when it says nothing about them. */
export function newsletterIds(store: GhostStore, input: MemberInput): string[] | undefined {
  if (input.newsletters) return idsOf(store.newsletters, input.newsletters);
  if (input.subscribed === undefined) return undefined;
  return input.subscribed ? signUpNewsletters(store) : [];
}

/** The newsletters that somebody new joins. */
export function signUpNewsletters(store: GhostStore): string[] {
  const all = [...store.newsletters.values()];
  return all.filter((one) => one.status === 'active' && one.subscribe_on_signup).map(({ id }) => id);
}

/** The ids of what exists among the named; what does not exist is ignored. */
export function idsOf(table: Map<string, { id: string; name: string; slug: string }>, named: Named[]): string[] {
  const keys = new Set(named.map((one) => (typeof one === 'string' ? one : (one.id ?? one.slug ?? one.name))));
  const found = [...table.values()].filter(({ id, slug, name }) => keys.has(id) || keys.has(slug) || keys.has(name));
  return found.map(({ id }) => id);
}
