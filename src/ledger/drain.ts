import {
  type Applied,
  applyDeliveries,
  type MemberEvent,
  type MemberRead,
  type MemberState,
  type WaitingDelivery,
} from '../domain/apply-deliveries.js';
import { groupBy } from '../domain/group-by.js';
import { addressOf } from '../domain/member.js';
import { type FoundBy, lastTransition, type StatusTransition } from '../domain/status-history.js';
import { markDue } from './contacts.js';
import { asJson, type Database, orUndefined, type Queries } from './database.js';

/** A waiting delivery as stored; `toWaiting` of the source's schema makes a `WaitingDelivery` of it. */
export interface StoredDelivery {
  id: string;
  event: MemberEvent;
  signedAt: Date;
  receivedAt: Date;
  payload: unknown;
}

/** One member to drain. */
export interface DrainItem {
  memberId: string;
  /** The lease under which `read` was made; without one the drain takes the member only if nobody holds a lease. */
  lease?: string;
  /** What the source said; without one the payloads tell the state. */
  read?: MemberRead;
}

/** What to drain, and how. */
export interface DrainRequest {
  site: string;
  audience: string;
  items: readonly DrainItem[];
  lane: 'live' | 'bulk';
  toWaiting: (stored: StoredDelivery) => WaitingDelivery;
}

/** What one drain did. `busy`: members whose lease somebody else holds; nothing was done for them. */
export interface Drained {
  busy: string[];
  /** Members that are parked. */
  parked: string[];
  /** Outcomes of deliveries, counted. */
  outcomes: Record<string, number>;
  /** Members of whom something that we sync changed, by who found it. */
  changed: { memberId: string; foundBy: FoundBy }[];
}

/** Right to read and drain one member for a while. `asOf`: the database's time before the read. */
export interface Lease {
  asOf: Date;
  /** Whether the member's site is paused. */
  sitePaused: boolean;
}

const LEASE_SECONDS = 30;

interface MemberRow {
  member_id: string;
  email: string | null;
  name: string | null;
  status: string | null;
  labels: string[];
  email_enabled: boolean | null;
  suppressed: boolean;
  signed_up_at: Date | null;
  deleted_at: Date | null;
  observed_at: Date | null;
  read_at: Date | null;
  signed_at: Date | null;
  changed_at: Date | null;
  added_at: Date | null;
  suspected_gone_at: Date | null;
  leased: boolean;
  lease_token: string | null;
  parked: boolean;
}

/** Application of deliveries and reads to the ledger: the one place where members change. */
export function createDrain({ sql, transaction }: Database) {
  return {
    /** Takes the lease on a member before its source is read; undefined while somebody else holds it. */
    async lease(site: string, memberId: string, token: string): Promise<Lease | undefined> {
      const [row] = await sql.query<{ mine: boolean; paused: boolean; as_of: Date }[]>`
        WITH taken AS (
          INSERT INTO members (site, member_id, lease_token, lease_until)
          VALUES (${site}, ${memberId}, ${token}, now() + make_interval(secs => ${LEASE_SECONDS}))
          ON CONFLICT (site, member_id) DO UPDATE SET lease_token = EXCLUDED.lease_token, lease_until = EXCLUDED.lease_until
          WHERE members.lease_until IS NULL OR members.lease_until < now() OR members.lease_token = EXCLUDED.lease_token
          RETURNING true AS mine
        )
        SELECT coalesce((SELECT mine FROM taken), false) AS mine, clock_timestamp()::timestamptz(3) AS as_of,
               EXISTS (SELECT FROM sites WHERE site = ${site} AND paused_since IS NOT NULL) AS paused`;
      return row?.mine ? { asOf: row.as_of, sitePaused: row.paused } : undefined;
    },

    /** Gives a lease back unused. */
    async unlease(site: string, memberId: string, token: string): Promise<void> {
      await sql.execute`
        UPDATE members SET lease_until = NULL, lease_token = NULL
        WHERE site = ${site} AND member_id = ${memberId} AND lease_token = ${token}`;
    },

    /**
     * Applies all that waits for these members, and their reads, in one transaction: members, histories, outcomes, and
     * the marks that make contacts due. A lease that is no longer held writes nothing (`busy`).
     */
    drain: (request: DrainRequest): Promise<Drained> => transaction((tx) => drainPage(tx, request)),
  };
}

async function drainPage(tx: Queries, request: DrainRequest): Promise<Drained> {
  const { site, items, toWaiting } = request;
  const rows = await lockMembers(tx, site, items);
  const free = items.filter(({ memberId, lease }) => {
    const row = rows.get(memberId)!;
    return lease === undefined ? !row.leased : row.lease_token === lease;
  });
  const busy = items.filter((item) => !free.includes(item)).map(({ memberId }) => memberId);
  const ids = free.map(({ memberId }) => memberId);
  const deliveries = await waitingDeliveries(tx, site, free);
  const histories = await historiesOf(tx, site, ids);

  const applied = free.map(({ memberId, read, lease }) => {
    const before = stateOf(rows.get(memberId)!, histories.get(memberId) ?? []);
    const waiting = (deliveries.get(memberId) ?? []).map(toWaiting);
    return { memberId, before, read, lease, waiting, ...applyDeliveries(before, waiting, read) };
  });

  const written = applied.filter(({ before, state, lease }) => before !== state || lease !== undefined);
  if (written.length > 0) await writeMembers(tx, site, written);
  await writeHistories(tx, site, applied);
  const outcomes = applied.flatMap((one) => one.outcomes);
  if (outcomes.length > 0) await writeOutcomes(tx, outcomes);
  const changed = applied.filter((one) => one.changed);
  if (changed.length > 0) await markChanged(tx, request, changed);

  return {
    busy,
    parked: ids.filter((id) => rows.get(id)!.parked),
    outcomes: countBy(outcomes.map(({ outcome }) => outcome)),
    changed: changed.map(({ memberId, read, waiting }) => ({
      memberId,
      foundBy: waiting.length > 0 ? 'webhook' : (read?.foundBy ?? 'webhook'),
    })),
  };
}

async function lockMembers(tx: Queries, site: string, items: readonly DrainItem[]): Promise<Map<string, MemberRow>> {
  const ids = items.map(({ memberId }) => memberId).sort();
  // the update that changes nothing locks the rows, in one order for everybody
  const rows = await tx.query<MemberRow[]>`
    INSERT INTO members (site, member_id) SELECT ${site}, id FROM unnest(${ids}::text[]) AS id ORDER BY id
    ON CONFLICT (site, member_id) DO UPDATE SET site = members.site
    RETURNING member_id, email, name, status, labels, email_enabled, suppressed, signed_up_at, deleted_at, observed_at, read_at,
      signed_at, changed_at, added_at, suspected_gone_at, lease_token, coalesce(lease_until > now(), false) AS leased,
      EXISTS (SELECT FROM parked p WHERE p.site = members.site AND p.member_id = members.member_id) AS parked`;
  return new Map(rows.map((row) => [row.member_id, row]));
}

/** What waits for each member; with a read only what had been received before it. */
async function waitingDeliveries(
  tx: Queries,
  site: string,
  items: readonly DrainItem[],
): Promise<Map<string, StoredDelivery[]>> {
  const given = items.map(({ memberId, read }) => ({ memberId, until: read?.asOf ?? null }));
  const rows = await tx.query<(StoredDelivery & { memberId: string })[]>`
    SELECT d.id::text, d.member_id AS "memberId", d.event, d.signed_at AS "signedAt", d.received_at AS "receivedAt", d.payload
    FROM jsonb_to_recordset(${asJson(given)}) AS g("memberId" text, "until" timestamptz)
    JOIN deliveries d ON d.site = ${site} AND d.member_id = g."memberId"
    WHERE d.state = 'waiting' AND (g.until IS NULL OR d.received_at <= g.until)
    ORDER BY d.signed_at, d.received_at`;
  return groupBy(rows, ({ memberId }) => memberId);
}

async function historiesOf(tx: Queries, site: string, ids: string[]): Promise<Map<string, StatusTransition[]>> {
  const rows = await tx.query<
    { member_id: string; from: string | null; to: string; at: Date; found_by: FoundBy; from_seen: boolean }[]
  >`
    SELECT member_id, "from", "to", at, found_by, from_seen FROM status_transitions
    WHERE site = ${site} AND member_id = ANY(${ids}) ORDER BY at, id`;
  const grouped = groupBy(rows, ({ member_id }) => member_id);
  return new Map(
    [...grouped].map(([id, list]) => [
      id,
      list.map(({ from, to, at, found_by, from_seen }) => ({
        from,
        status: to,
        at,
        foundBy: found_by,
        before: from_seen && from !== null ? from : undefined,
      })),
    ]),
  );
}

function stateOf(row: MemberRow, history: StatusTransition[]): MemberState {
  const facts =
    row.email === null
      ? undefined
      : {
          email: row.email,
          name: row.name,
          status: row.status ?? 'free',
          labels: row.labels,
          emailEnabled: row.email_enabled ?? false,
          suppressed: row.suppressed,
          signedUpAt: row.signed_up_at ?? new Date(0),
        };
  return {
    facts,
    deletedAt: orUndefined(row.deleted_at),
    observedAt: orUndefined(row.observed_at),
    readAt: orUndefined(row.read_at),
    signedAt: orUndefined(row.signed_at),
    changedAt: orUndefined(row.changed_at),
    addedAt: orUndefined(row.added_at),
    suspectedGoneAt: orUndefined(row.suspected_gone_at),
    history,
  };
}

async function writeMembers(
  tx: Queries,
  site: string,
  members: readonly { memberId: string; state: MemberState }[],
): Promise<void> {
  const rows = members.map(({ memberId, state: { facts, history, ...times } }) => {
    const last = lastTransition(history);
    return {
      memberId,
      ...facts,
      address: facts && addressOf(facts.email),
      ...times,
      previousStatus: last?.from,
      statusChangedAt: last?.at,
    };
  });
  await tx.execute`
    UPDATE members m SET
      email = g.email, address = g.address, name = g.name, status = g.status,
      labels = coalesce(ARRAY(SELECT jsonb_array_elements_text(g.labels)), '{}'),
      email_enabled = g."emailEnabled", suppressed = coalesce(g.suppressed, false), signed_up_at = g."signedUpAt",
      deleted_at = g."deletedAt", observed_at = g."observedAt", read_at = g."readAt", signed_at = g."signedAt",
      changed_at = g."changedAt", added_at = g."addedAt", suspected_gone_at = g."suspectedGoneAt",
      previous_status = g."previousStatus", status_changed_at = g."statusChangedAt",
      lease_token = NULL, lease_until = NULL, read_tries = 0
    FROM jsonb_to_recordset(${asJson(rows)}) AS g(
      "memberId" text, email text, address text, name text, status text, labels jsonb, "emailEnabled" boolean, suppressed boolean,
      "signedUpAt" timestamptz, "deletedAt" timestamptz, "observedAt" timestamptz, "readAt" timestamptz, "signedAt" timestamptz,
      "changedAt" timestamptz, "addedAt" timestamptz, "suspectedGoneAt" timestamptz, "previousStatus" text, "statusChangedAt" timestamptz)
    WHERE m.site = ${site} AND m.member_id = g."memberId"`;
}

/** Mostly a new transition follows the ones before; where a late fact changed older ones, the member's rows are laid anew. */
async function writeHistories(
  tx: Queries,
  site: string,
  members: readonly { memberId: string; before: MemberState; state: MemberState }[],
): Promise<void> {
  const same = (a: StatusTransition, b: StatusTransition | undefined): boolean =>
    b !== undefined && a.from === b.from && a.status === b.status && a.at.getTime() === b.at.getTime();
  const rewritten: string[] = [];
  const added: object[] = [];
  for (const { memberId, before, state } of members) {
    const extended = before.history.every((transition, index) => same(transition, state.history[index]));
    if (!extended) rewritten.push(memberId);
    for (const { from, status, at, foundBy, before: told } of state.history.slice(
      extended ? before.history.length : 0,
    )) {
      added.push({ memberId, from, to: status, at, foundBy, fromSeen: told !== undefined });
    }
  }
  if (rewritten.length > 0) {
    await tx.execute`DELETE FROM status_transitions WHERE site = ${site} AND member_id = ANY(${rewritten})`;
  }
  if (added.length > 0) {
    await tx.execute`
      INSERT INTO status_transitions (site, member_id, "from", "to", at, found_by, from_seen)
      SELECT ${site}, "memberId", "from", "to", at, "foundBy", "fromSeen" FROM jsonb_to_recordset(${asJson(added)})
        AS g("memberId" text, "from" text, "to" text, at timestamptz, "foundBy" text, "fromSeen" boolean)
      ON CONFLICT (site, member_id, at, "to") DO NOTHING`;
  }
}

async function writeOutcomes(tx: Queries, outcomes: Applied['outcomes']): Promise<void> {
  await tx.execute`
    UPDATE deliveries d SET state = 'done', outcome = g.outcome, outcome_at = now(), next_wake_at = NULL
    FROM jsonb_to_recordset(${asJson(outcomes)}) AS g(id uuid, outcome text) WHERE d.id = g.id AND d.state = 'waiting'`;
}

/** Both the address that a member had and the one it has are due. */
async function markChanged(
  tx: Queries,
  { audience, lane }: DrainRequest,
  changed: readonly { before: MemberState; state: MemberState; waiting: readonly WaitingDelivery[] }[],
): Promise<void> {
  const marks = new Map<string, { address: string; deliveredAt: Date | undefined }>();
  for (const { before, state, waiting } of changed) {
    const deliveredAt = waiting.map(({ receivedAt }) => receivedAt).sort((a, b) => a.getTime() - b.getTime())[0];
    for (const facts of [before.facts, state.facts]) {
      if (facts) marks.set(addressOf(facts.email), { address: addressOf(facts.email), deliveredAt });
    }
  }
  await markDue(tx, audience, [...marks.values()], lane);
}

function countBy(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
