import { binds, type DueContact, type ListState, type SettledOutcome } from '../domain/plan-contact.js';
import { Prisma } from './client/client.js';
import { asJson, type Database, orUndefined, type Queries } from './database.js';
import type { People } from './people.js';

/** Channel on which marking due is announced; the payload is the audience. A hint only: writers also poll. */
export const DUE_CHANNEL = 'steward_due';

/** A due contact with what the writer keeps beside the rules. */
export interface TakenContact extends DueContact {
  lane: 'live' | 'bulk';
  tries: number;
  /** Largest call it may be part of, while a poisonous neighbour is looked for. */
  batchLimit?: number | undefined;
  /** Receipt of the oldest delivery that waits for it. */
  deliveredAt?: Date | undefined;
  /** Its tags start no automations. */
  quiet: boolean;
}

/** One contact to be looked at by the writer. */
export interface DueMark {
  address: string;
  /** Receipt of the delivery that brought it about. */
  deliveredAt?: Date | undefined;
  /** A fresh sign-up that a walk found. */
  welcome?: boolean;
  /** Sent even if it is what was settled: the list was seen to hold something else. */
  resend?: boolean;
  differsKey?: string | undefined;
  /** What an applied plan means it to become, and whether it approved a removal. */
  planHash?: string | undefined;
  approved?: boolean;
  /** Its tags start no automations: a first sync. */
  quiet?: boolean;
}

/**
 * Marks contacts due: counts their versions up and tells the writer. Part of the transaction that changed the members.
 * `run`: the run that waits for their outcomes.
 */
export async function markDue(
  tx: Queries,
  audience: string,
  marks: readonly DueMark[],
  lane: 'live' | 'bulk',
  run?: string,
  /** Seconds until the writer may take them, unless `takeUp` lets it earlier. */
  afterSeconds = 0,
): Promise<void> {
  const rows = marks.toSorted((a, b) => (a.address < b.address ? -1 : 1));
  await tx.query`
    WITH marked AS (
      INSERT INTO contacts (audience, address, due_at, lane, delivered_at, run_id, welcome, differs_key, plan_hash, approved, quiet)
      SELECT ${audience}, address, now() + make_interval(secs => ${afterSeconds}), ${lane === 'live' ? 0 : 1}::smallint, "deliveredAt", ${run}::uuid, coalesce(welcome, false),
        "differsKey", "planHash", coalesce(approved, false), coalesce(quiet, false)
      FROM jsonb_to_recordset(${asJson(rows)}) AS g(address text, "deliveredAt" timestamptz, welcome boolean, "differsKey" text,
        "planHash" text, approved boolean, quiet boolean)
      ON CONFLICT (audience, address) DO UPDATE SET
        version = contacts.version + 1, due_at = least(contacts.due_at, EXCLUDED.due_at), tries = 0, batch_limit = NULL,
        lane = CASE WHEN contacts.due_at IS NULL THEN EXCLUDED.lane ELSE least(contacts.lane, EXCLUDED.lane) END,
        delivered_at = CASE WHEN contacts.due_at IS NULL THEN EXCLUDED.delivered_at ELSE least(contacts.delivered_at, EXCLUDED.delivered_at) END,
        run_id = coalesce(EXCLUDED.run_id, CASE WHEN contacts.due_at IS NOT NULL THEN contacts.run_id END),
        welcome = EXCLUDED.welcome OR (contacts.due_at IS NOT NULL AND contacts.welcome),
        differs_key = EXCLUDED.differs_key,
        -- due in its own right already: then it is not for the plan to skip
        plan_hash = CASE WHEN contacts.due_at IS NULL THEN EXCLUDED.plan_hash END,
        approved = EXCLUDED.approved,
        quiet = EXCLUDED.quiet OR contacts.quiet
      RETURNING 1
    )
    SELECT count(*)::int, pg_notify(${DUE_CHANNEL}, ${audience})::text FROM marked GROUP BY 2`;
  const resent = rows.filter(({ resend }) => resend).map(({ address }) => address);
  if (resent.length === 0) return;
  await tx.execute`UPDATE contacts SET settled_hash = NULL WHERE audience = ${audience} AND address = ANY(${resent})`;
}

/** Lets the writer take what was marked for later. */
export async function takeUp(tx: Queries, audience: string): Promise<void> {
  await tx.execute`
    UPDATE contacts SET due_at = now() WHERE audience = ${audience} AND lane = 1 AND tries = 0 AND due_at > now()`;
  await tx.query`SELECT pg_notify(${DUE_CHANNEL}, ${audience})::text`;
}

/** A row of `plannable`. */
export interface PlannableRow {
  address: string;
  version: number;
  lane: number;
  tries: number;
  batch_limit: number | null;
  delivered_at: Date | null;
  settled_hash: string | null;
  settled_member_id: string | null;
  list_state: ListState | null;
  member_id: string | null;
  former_address: string | null;
  former_under_way: boolean;
  former_held: string | null;
  settled_member_deleted: boolean;
  settled_member_known: boolean;
  has_successor: boolean;
  successor_due: boolean;
  successor_on_list: boolean;
  successor_says_no: boolean;
  opted_out: boolean;
  address_opted_out: boolean;
  removal_open: boolean;
  removed_since: Date | null;
  has_removal: boolean;
  removal_list_date: string | null;
  hold_kind: 'removal' | 'addition' | null;
  hold_released: boolean;
  welcome: boolean;
  approved: boolean;
  plan_hash: string | null;
  due_at: Date | null;
  under_way: boolean | null;
  settled_at: Date | null;
  settled_outcome: SettledOutcome | null;
  differs_key: string | null;
  added_by_us: boolean;
  adding_since: Date | null;
  quiet: boolean;
}

/** Bulk always gets at least this much of a page, live the rest. */
const BULK_SHARE = 100;

/** Up to `limit` contacts of an audience that are due now, live ones first, with all that the rules need to plan them. */
export async function selectDue(tx: Queries, audience: string, people: People, limit: number): Promise<TakenContact[]> {
  const due = Prisma.sql`
    (SELECT * FROM contacts WHERE audience = ${audience} AND lane = 0 AND due_at <= now()
       AND (under_way_until IS NULL OR under_way_until < now()) ORDER BY due_at LIMIT ${limit - BULK_SHARE})
    UNION ALL
    (SELECT * FROM contacts WHERE audience = ${audience} AND lane = 1 AND due_at <= now()
       AND (under_way_until IS NULL OR under_way_until < now()) ORDER BY due_at LIMIT ${limit})
    LIMIT ${limit}`;
  const rows = await tx.query<PlannableRow[]>`${plannable(audience, people, due)}`;
  return rows.map((row) => toTaken(row, people));
}

/** The query for all that the rules need of some contacts. `contacts`: a query for rows like those of the table. */
export function plannable(
  audience: string,
  { byId, byAddress, columns }: Pick<People, 'byId' | 'byAddress' | 'columns'>,
  contacts: Prisma.Sql,
): Prisma.Sql {
  return Prisma.sql`
    WITH due AS (${contacts})
    SELECT c.address, c.version, c.lane, c.tries, c.batch_limit, c.delivered_at, c.settled_hash, c.settled_member_id, c.list_state,
      c.welcome, c.approved, c.plan_hash, c.due_at, c.under_way_until > now() AS under_way, c.settled_at, c.settled_outcome, c.differs_key,
      c.added_by_us, c.adding_since, c.quiet, h.member_id, ${columns},
      f.address AS former_address, coalesce(f.under_way_until > now(), false) AS former_under_way,
      k.address AS former_held,
      s.member_id IS NULL OR s.deleted_at IS NOT NULL AS settled_member_deleted, s.member_id IS NOT NULL AS settled_member_known,
      coalesce(s.deleted_at IS NULL AND s.address <> c.address, false) AS has_successor,
      EXISTS (SELECT FROM contacts n WHERE n.audience = ${audience} AND n.address = s.address AND n.due_at IS NOT NULL) AS successor_due,
      EXISTS (SELECT FROM contacts n WHERE n.audience = ${audience} AND n.address = s.address AND n.list_state = 'Active') AS successor_on_list,
      coalesce(s.says_no, false) OR EXISTS (
        SELECT FROM opt_outs o WHERE o.audience = ${audience} AND o.address = s.address) AS successor_says_no,
      EXISTS (SELECT FROM opt_outs o WHERE o.audience = ${audience} AND (o.address = c.address OR o.member_id = h.member_id)) AS opted_out,
      EXISTS (SELECT FROM opt_outs o WHERE o.audience = ${audience} AND o.address = c.address) AS address_opted_out,
      EXISTS (SELECT FROM removals r WHERE r.audience = ${audience} AND r.address = c.address AND r.done_at IS NULL AND r.void_at IS NULL) AS removal_open,
      -- when what led to our removal happened, if that was earlier than the removal itself
      least(r.drawn_at, (SELECT max(x.observed_at) FROM ${byId(Prisma.sql`r.member_id`)} x
        WHERE x.address = c.address AND x.deleted_at IS NOT NULL)) AS removed_since, r.list_date AS removal_list_date, r.id IS NOT NULL AS has_removal,
      o.kind AS hold_kind, coalesce(o.released_at IS NOT NULL, false) AS hold_released
    FROM due c
    LEFT JOIN LATERAL (
      SELECT * FROM ${byAddress} m WHERE m.address = c.address AND m.deleted_at IS NULL
      ORDER BY m.member_id DESC LIMIT 1) h ON true
    LEFT JOIN LATERAL ${byId(Prisma.sql`c.settled_member_id`)} s ON true
    LEFT JOIN LATERAL (
      SELECT w.address, w.under_way_until FROM contacts w
      WHERE w.audience = ${audience} AND w.settled_member_id = h.member_id AND w.address <> c.address
        AND w.list_state IN ('Active', 'Unsubscribed', 'Bounced', 'Unconfirmed', 'Suppressed')
        AND NOT EXISTS (SELECT FROM ${byAddress} l WHERE l.address = w.address AND l.deleted_at IS NULL)
      ORDER BY w.settled_at DESC LIMIT 1) f ON true
    LEFT JOIN LATERAL (
      SELECT w.address FROM contacts w
      WHERE w.audience = ${audience} AND w.settled_member_id = h.member_id AND w.address <> c.address AND w.list_state = 'Active'
        AND EXISTS (SELECT FROM ${byAddress} l WHERE l.address = w.address AND l.deleted_at IS NULL)
      ORDER BY w.settled_at DESC LIMIT 1) k ON true
    LEFT JOIN LATERAL (
      SELECT * FROM removals d WHERE d.audience = ${audience} AND d.address = c.address AND d.done_at IS NOT NULL
      ORDER BY d.drawn_at DESC LIMIT 1) r ON true
    LEFT JOIN LATERAL (
      SELECT * FROM holds w WHERE w.audience = ${audience} AND w.address = c.address ORDER BY w.since DESC LIMIT 1) o ON true`;
}

/** A row as the writer takes it. */
export function toTaken(row: PlannableRow, people: People): TakenContact {
  return {
    address: row.address,
    version: row.version,
    lane: row.lane === 0 ? 'live' : 'bulk',
    tries: row.tries,
    batchLimit: orUndefined(row.batch_limit),
    deliveredAt: orUndefined(row.delivered_at),
    settledHash: orUndefined(row.settled_hash),
    settledMemberId: orUndefined(row.settled_member_id),
    listState: orUndefined(row.list_state),
    holder: row.member_id === null ? undefined : people.toHolder({ ...row }),
    formerAddress: orUndefined(row.former_address),
    formerUnderWay: row.former_under_way,
    formerHeld: orUndefined(row.former_held),
    settledMemberDeleted: row.settled_member_deleted,
    settledMemberKnown: row.settled_member_known,
    successor: row.has_successor
      ? { due: row.successor_due, onList: row.successor_on_list, saysNo: row.successor_says_no }
      : undefined,
    optedOut: row.opted_out,
    addressOptedOut: row.address_opted_out,
    removalOpen: row.removal_open,
    removal:
      row.has_removal && row.removed_since
        ? { since: row.removed_since, listDate: orUndefined(row.removal_list_date) }
        : undefined,
    welcome: row.welcome,
    planHash: orUndefined(row.plan_hash),
    approved: row.approved,
    isOurs: row.added_by_us,
    addingSince: orUndefined(row.adding_since),
    quiet: row.quiet,
    hold: row.hold_kind ? { kind: row.hold_kind, released: row.hold_released } : undefined,
  };
}

/**
 * A call was told that an address is Deleted, and so it was left by our own removal, as far as we know: that is nobody's no. What
 * staff did since then, a reading back tells by the date.
 */
export const isOurRemoval = (audience: string, address: Prisma.Sql, state: Prisma.Sql): Prisma.Sql => Prisma.sql`(
  ${state} = 'Deleted'
  AND EXISTS (SELECT FROM contacts w WHERE w.audience = ${audience} AND w.address = ${address} AND w.list_state = 'Deleted')
  AND EXISTS (SELECT FROM removals r WHERE r.audience = ${audience} AND r.address = ${address} AND r.done_at IS NOT NULL))`;

/** A subscription that is Active again takes back the no of who has it, not of somebody who said it and then moved on. */
export const optInCounts = ({ byId }: Pick<People, 'byId'>): Prisma.Sql => Prisma.sql`NOT EXISTS (
  SELECT FROM ${byId(Prisma.sql`o.member_id`)} e WHERE e.deleted_at IS NULL AND e.address <> o.address)`;

/** Contacts outside the writer's usual round. */
export function createContacts({ sql }: Database) {
  return {
    /** What was read of an address binds it and the member before anything else is done. */
    async bind(audience: string, address: string, memberId: string, state: ListState): Promise<void> {
      if (!binds(state)) return;
      await sql.execute`
        INSERT INTO opt_outs (audience, address, member_id, state)
        SELECT ${audience}, ${address}, ${memberId}, ${state}
        WHERE NOT ${isOurRemoval(audience, Prisma.sql`${address}::text`, Prisma.sql`${state}::text`)}
        ON CONFLICT (audience, address, member_id) DO UPDATE SET state = EXCLUDED.state`;
    },

    /**
     * A member left this address, where the list now says `state`: it is judged on its own at the next look, as whatever
     * was marked meanwhile wants it. Where nobody is left there, whom we had added is at the address `to` now. A superseded
     * writer changes nothing.
     */
    async leaveAddress(
      audience: string,
      generation: number,
      address: string,
      state: ListState,
      to?: string,
    ): Promise<void> {
      await sql.execute`
        WITH ours AS (SELECT audience FROM audiences WHERE audience = ${audience} AND generation = ${generation} FOR SHARE),
        heir AS (
          UPDATE contacts c SET added_by_us = true FROM ours, contacts f
          WHERE f.audience = ours.audience AND f.address = ${address} AND f.added_by_us AND ${state} = 'Absent'
            AND c.audience = ours.audience AND c.address = ${to}::text
        )
        UPDATE contacts c SET list_state = ${state}, list_state_at = now(), version = version + 1, due_at = now(),
          settled_hash = NULL, under_way_until = NULL, added_by_us = c.added_by_us AND ${state} = 'Active'
        FROM ours WHERE c.audience = ours.audience AND c.address = ${address}`;
    },
  };
}
