import type { GhostStore, MemberRow } from './store.js';
import type { Traits } from './version.js';

/** A member as the Admin API and the webhooks show it; the keys differ by place and version. */
export interface MemberJson {
  id: string;
  uuid: string;
  email: string;
  name: string | null;
  note: string | null;
  subscribed: boolean;
  status: string;
  created_at: string;
  updated_at: string;
  last_seen_at: string | null;
  labels: { id: string; name: string; slug: string }[];
  newsletters: { id: string; name: string; description: string | null; status: string }[];
  [key: string]: unknown;
}

const commenting = { disabled: false, disabled_reason: null, disabled_until: null };

/** The browse object; `tiers` and `attribution` only when asked for. A key that is undefined is not in the JSON. */
export function browseShape(
  store: GhostStore,
  traits: Traits,
  row: MemberRow,
  siteUrl: string,
  extra: { tiers: boolean; attribution: boolean },
): MemberJson {
  const hex = row.uuid.replaceAll('-', '');
  return memberShape(store, traits, row, {
    subscriptions: row.status === 'comped' ? [pseudoSubscription(store, row)] : [],
    unsubscribe_url: `${siteUrl}/unsubscribe/?uuid=${row.uuid}&key=${hex}${hex}`,
    tiers: extra.tiers ? tiersOf(store, row) : undefined,
    attribution: extra.attribution ? { id: null, type: null, url: null, title: null } : undefined,
    email_suppression: { suppressed: row.suppression !== null, info: row.suppression },
  });
}

/** `current` of a webhook: no unsubscribe_url, email_suppression or attribution, and never a subscription. */
export function webhookShape(store: GhostStore, traits: Traits, row: MemberRow, withTiers: boolean): MemberJson {
  return memberShape(store, traits, row, {
    subscriptions: [],
    unsubscribe_url: undefined,
    tiers: withTiers ? tiersOf(store, row) : undefined,
    attribution: undefined,
    email_suppression: undefined,
  });
}

interface Extra {
  subscriptions: unknown[];
  unsubscribe_url: string | undefined;
  tiers: unknown[] | undefined;
  attribution: object | undefined;
  email_suppression: object | undefined;
}

/** All keys in Ghost's order. */
function memberShape(store: GhostStore, traits: Traits, row: MemberRow, extra: Extra): MemberJson {
  const newsletters = newslettersOf(store, row);
  return {
    id: row.id,
    uuid: row.uuid,
    email: row.email,
    name: row.name,
    note: row.note,
    geolocation: row.geolocation,
    subscribed: newsletters.length > 0,
    created_at: row.created_at,
    updated_at: row.updated_at,
    labels: labelsOf(store, row),
    subscriptions: extra.subscriptions,
    avatar_image: null,
    comped: row.status === 'comped',
    email_count: 0,
    email_opened_count: 0,
    email_open_rate: null,
    status: row.status,
    last_seen_at: row.last_seen_at,
    enable_comment_notifications: traits.notificationKeys ? true : undefined,
    enable_updates_and_announcements: traits.notificationKeys ? null : undefined,
    unsubscribe_url: extra.unsubscribe_url,
    can_comment: traits.commentingKeys ? true : undefined,
    commenting: traits.commentingKeys ? commenting : undefined,
    tiers: extra.tiers,
    current_subscription: traits.notificationKeys ? null : undefined,
    attribution: extra.attribution,
    email_suppression: extra.email_suppression,
    newsletters,
  };
}

/** `previous` of a deletion: the raw form. Empty lists are left out, as in the captured delivery. */
export function deletedShape(store: GhostStore, traits: Traits, row: MemberRow): Record<string, unknown> {
  const [labels, newsletters] = [labelsOf(store, row), newslettersOf(store, row)];
  const { id, uuid, email, status, name, note, geolocation, last_seen_at, created_at, updated_at } = row;
  return {
    ...(labels.length > 0 && { labels }),
    ...(newsletters.length > 0 && { newsletters }),
    ...{ id, uuid, email, status, name, note, geolocation },
    ...notificationKeys(traits),
    ...{ email_count: 0, email_opened_count: 0, email_open_rate: null, last_seen_at },
    ...(traits.commentingKeys && { commenting }),
    ...{ created_at, updated_at },
    ...(traits.commentingKeys && { can_comment: true }),
  };
}

/** The labels of a member. */
export function labelsOf(store: GhostStore, row: MemberRow) {
  return row.labels.flatMap((id) => store.labels.get(id) ?? []);
}

/** The active newsletters of a member, in their short form. */
export function newslettersOf(store: GhostStore, row: MemberRow) {
  return row.newsletters.flatMap((newsletterId) => {
    const newsletter = store.newsletters.get(newsletterId);
    if (newsletter?.status !== 'active') return [];
    const { id, name, description, status } = newsletter;
    return [{ id, name, description, status }];
  });
}

/** The tiers of a member. */
export function tiersOf(store: GhostStore, row: MemberRow) {
  return row.tiers.flatMap((id) => store.tiers.get(id) ?? []);
}

function notificationKeys(traits: Traits) {
  return traits.notificationKeys && { enable_comment_notifications: true, enable_updates_and_announcements: null };
}

function pseudoSubscription(store: GhostStore, row: MemberRow) {
  const [tier] = tiersOf(store, row);
  return { id: '', tier: tier ?? null, customer: { id: '', name: row.name, email: row.email }, status: 'active' };
}
