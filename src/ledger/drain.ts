import {
  type Applied,
  applyDeliveries,
  type MemberEvent,
  type MemberRead,
  type MemberState,
  type WaitingDelivery,
} from '../domain/apply-deliveries.js';
import { groupBy } from '../domain/group-by.js';
import { addressOf, type MemberFacts } from '../domain/member.js';
import type { FoundBy } from '../domain/status-history.js';
import { type DueMark, markDue } from './contacts.js';
import { asJson, type Database, type Queries } from './database.js';
import { historiesOf, lockMembers, stateOf, writeHistories, writeMembers } from './member-rows.js';

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
  /** The run that found it and waits for its outcomes. */
  run?: string | undefined;
  /** False: changes are recorded, but nothing becomes due (before a list's first full sync). */
  marks?: boolean;
  /** Members whose contact waits for the end of the run, since it would be taken off the list. */
  defers?: (facts: MemberFacts) => boolean;
}

/** What kind of change was found. */
export type ChangeKind = 'added' | 'edited' | 'deleted';

/** What one drain did. `busy`: members whose lease somebody else holds; nothing was done for them. */
export interface Drained {
  busy: string[];
  /** Members that are parked. */
  parked: string[];
  /** Outcomes of deliveries, counted. */
  outcomes: Record<string, number>;
  /** Members of whom something that we sync changed, by who found it. */
  changed: { memberId: string; foundBy: FoundBy; kind: ChangeKind }[];
}

/** Right to read and drain one member for a while. `asOf`: the database's time before the read. */
export interface Lease {
  asOf: Date;
  /** Whether the member's site is paused. */
  sitePaused: boolean;
}

const LEASE_SECONDS = 30;

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
  const rows = await lockMembers(
    tx,
    site,
    items.map(({ memberId }) => memberId),
  );
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
  const changed = applied
    .filter((one) => one.changed)
    .map((one): Changed => {
      const foundBy = one.waiting.length > 0 ? 'webhook' : (one.read?.foundBy ?? 'webhook');
      return { ...one, foundBy, kind: kindOf(one) };
    });
  if (changed.length > 0) {
    await writeChanges(tx, request, changed);
    // what a delivery told is due in any case
    const marked = changed.filter(({ waiting }) => request.marks !== false || waiting.length > 0);
    if (marked.length > 0) await markChanged(tx, request, marked);
  }

  return {
    busy,
    parked: ids.filter((id) => rows.get(id)!.parked),
    outcomes: countBy(outcomes.map(({ outcome }) => outcome)),
    changed: changed.map(({ memberId, foundBy, kind }) => ({ memberId, foundBy, kind })),
  };
}

interface Changed {
  memberId: string;
  before: MemberState;
  state: MemberState;
  waiting: readonly WaitingDelivery[];
  foundBy: FoundBy;
  kind: ChangeKind;
}

function kindOf({ before, state }: Pick<Changed, 'before' | 'state'>): ChangeKind {
  if (state.deletedAt && !before.deletedAt) return 'deleted';
  return before.facts ? 'edited' : 'added';
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

async function writeOutcomes(tx: Queries, outcomes: Applied['outcomes']): Promise<void> {
  await tx.execute`
    UPDATE deliveries d SET state = 'done', outcome = g.outcome, outcome_at = now(), next_wake_at = NULL
    FROM jsonb_to_recordset(${asJson(outcomes)}) AS g(id uuid, outcome text) WHERE d.id = g.id AND d.state = 'waiting'`;
}

/** Keeps for ever what a member was from now on, and who found it. */
async function writeChanges(tx: Queries, { site, run }: DrainRequest, changed: readonly Changed[]): Promise<void> {
  const rows = changed.map(({ memberId, kind, foundBy, state }) => ({ memberId, kind, foundBy, facts: state.facts }));
  await tx.execute`
    INSERT INTO member_changes (site, member_id, kind, found_by, run_id, facts)
    SELECT ${site}, "memberId", kind, "foundBy", ${run}::uuid, facts
    FROM jsonb_to_recordset(${asJson(rows)}) AS g("memberId" text, kind text, "foundBy" text, facts jsonb)`;
}

/** Both the address that a member had and the one it has are due. */
async function markChanged(tx: Queries, request: DrainRequest, changed: readonly Changed[]): Promise<void> {
  const { audience, lane, run, defers } = request;
  const welcomed = run === undefined ? new Set<string>() : await welcomeFresh(tx, run, changed);
  const marks = new Map<string, DueMark>();
  for (const { memberId, before, state, waiting } of changed) {
    if (waiting.length === 0 && state.facts && defers?.(state.facts)) continue;
    const deliveredAt = waiting.map(({ receivedAt }) => receivedAt).sort((a, b) => a.getTime() - b.getTime())[0];
    for (const facts of [before.facts, state.facts]) {
      if (!facts) continue;
      const address = addressOf(facts.email);
      marks.set(address, { address, deliveredAt, welcome: welcomed.has(memberId) });
    }
  }
  if (marks.size > 0) await markDue(tx, audience, [...marks.values()], lane, run);
}

/** Sign-ups that only a walk found start the list's automations while they are fresh, and only a few a walk (house decision 18). */
async function welcomeFresh(tx: Queries, run: string, changed: readonly Changed[]): Promise<Set<string>> {
  const fresh = changed.filter(({ kind, foundBy, state }) => {
    const signedUpAt = state.facts?.signedUpAt.getTime() ?? 0;
    return kind === 'added' && foundBy !== 'webhook' && state.observedAt!.getTime() - signedUpAt < FRESH_MS;
  });
  if (fresh.length === 0) return new Set();
  const [row] = await tx.query<{ welcomes: number }[]>`
    SELECT welcomes FROM sync_runs WHERE id = ${run}::uuid AND marks AND NOT first FOR UPDATE`;
  const welcomed = fresh.slice(0, Math.max(0, MOST_WELCOMES - (row?.welcomes ?? MOST_WELCOMES)));
  await tx.execute`UPDATE sync_runs SET welcomes = welcomes + ${welcomed.length} WHERE id = ${run}::uuid`;
  return new Set(welcomed.map(({ memberId }) => memberId));
}

const FRESH_MS = 48 * 60 * 60 * 1000;
const MOST_WELCOMES = 25;

function countBy(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
