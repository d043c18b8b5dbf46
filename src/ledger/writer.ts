import { binds, type ListState, type SettledOutcome } from '../domain/plan-contact.js';
import { Prisma } from './client/client.js';
import { isOurRemoval, optInCounts, selectDue, type TakenContact } from './contacts.js';
import { asJson, type Database, type Queries } from './database.js';
import type { People } from './people.js';

/** Thrown when another writer has taken over: this one must not send again. */
export class WriterSuperseded extends Error {
  override readonly name = 'WriterSuperseded';
}

/** How one contact was settled. */
export interface Settlement {
  address: string;
  /** Version at which the writer took it: a newer one stays due. */
  version: number;
  memberId?: string | undefined;
  operation: 'import' | 'move' | 'remove' | 'resubscribe' | 'none';
  outcome: SettledOutcome;
  hash: string;
  /** Whether the address was not on the list before, as far as we knew. */
  added?: boolean;
  /** State at the list, where the call or a read told it. */
  listState?: ListState | undefined;
  /** Whether the destination told that this call created it. */
  isOurs?: boolean;
  /** The vendor's own code of a refusal. */
  code?: number | undefined;
  /** Why it was not stored, in a word that has a next step. */
  reason?: string | undefined;
  /** Why it is refused, for the operator; without personal data. */
  refusal?: { type: string; message: string } | undefined;
}

/** A contact that was not settled and is tried again. */
export interface Postponement {
  address: string;
  /** Milliseconds until it is due again. */
  afterMs: number;
  /** Whether this counts as one of its tries. */
  counts: boolean;
  batchLimit?: number | undefined;
  /** Whether the call may still land: then nobody touches it until the call's time is over. */
  mayStillLand: boolean;
}

/** What the one writer of an audience does to its contacts (house decisions 9 to 11). */
export function createWriter({ sql, transaction }: Database) {
  return {
    /** Makes the caller the audience's writer; every earlier one is superseded. */
    async begin(audience: string): Promise<number> {
      const [row] = await sql.query<[{ generation: number }]>`
        INSERT INTO audiences (audience, generation, writer_seen_at) VALUES (${audience}, 1, now())
        ON CONFLICT (audience) DO UPDATE SET generation = audiences.generation + 1, writer_seen_at = now(), wakes = 0
        RETURNING generation`;
      return row.generation;
    },

    /** Says that the writer lives. @throws WriterSuperseded */
    async seen(audience: string, generation: number): Promise<void> {
      const updated = await sql.execute`
        UPDATE audiences SET writer_seen_at = now() WHERE audience = ${audience} AND generation = ${generation}`;
      if (updated === 0) throw new WriterSuperseded(`another writer works for audience ${audience}`);
    },

    /** Says that the writer has ended, so that the next contact due starts another at once. */
    async end(audience: string, generation: number): Promise<void> {
      await sql.execute`
        UPDATE audiences SET writer_seen_at = NULL, woken_at = NULL WHERE audience = ${audience} AND generation = ${generation}`;
    },

    /** Up to `limit` due contacts, live ones first. */
    take: (audience: string, people: People, limit: number): Promise<TakenContact[]> =>
      selectDue(sql, audience, people, limit),

    /** Those of these addresses whose people said no since they were taken. */
    async withdrawn({ withdrawn }: People, addresses: readonly string[]): Promise<Set<string>> {
      const rows = withdrawn ? await sql.query<{ address: string }[]>`${withdrawn(addresses)}` : [];
      return new Set(rows.map(({ address }) => address));
    },

    /** Whether the people of an address came back, or said yes, since they were planned to be taken off. */
    async mayStay({ mayStay }: People, address: string): Promise<boolean> {
      return mayStay !== undefined && (await sql.query<unknown[]>`${mayStay(address)}`).length > 0;
    },

    /** The soonest time at which something is due, from now in milliseconds; undefined when nothing is. */
    async nextDueMs(audience: string): Promise<number | undefined> {
      const [row] = await sql.query<{ ms: number | null }[]>`
        SELECT (extract(epoch FROM min(greatest(due_at, under_way_until)) - now()) * 1000)::float AS ms
        FROM contacts WHERE audience = ${audience} AND due_at IS NOT NULL`;
      return row?.ms ?? undefined;
    },

    /**
     * Before each call: checks the generation, clears the settled hashes, and stores which contacts are under way, which of
     * them the call would add, and for how long the vendor may be working on them. @throws WriterSuperseded
     */
    async beginCall(
      audience: string,
      generation: number,
      addresses: readonly string[],
      landsWithinMs: number,
      added: readonly string[] = [],
    ): Promise<void> {
      // the lock on the audience's row orders this against a successor that begins
      const booked = await sql.execute`
        WITH ours AS (SELECT audience FROM audiences WHERE audience = ${audience} AND generation = ${generation} FOR SHARE)
        UPDATE contacts c SET settled_hash = NULL, list_state = nullif(list_state, 'Absent'), under_way_by = ${generation},
          adding_since = CASE WHEN c.address = ANY(${[...added]}) THEN coalesce(c.adding_since, now()) ELSE c.adding_since END,
          under_way_until = now() + make_interval(secs => ${landsWithinMs / 1000})
        FROM ours WHERE c.audience = ours.audience AND c.address = ANY(${[...addresses]})`;
      if (booked === 0) throw new WriterSuperseded(`another writer works for audience ${audience}`);
    },

    /** A call told that it created these, whatever becomes of the rest that is to be done about them. */
    async noteAdded(audience: string, generation: number, addresses: readonly string[]): Promise<void> {
      await sql.execute`
        UPDATE contacts c SET added_by_us = true FROM audiences a
        WHERE a.audience = ${audience} AND a.generation = ${generation} AND c.audience = a.audience AND c.address = ANY(${[...addresses]})`;
    },

    /** After a call: outcomes, states, opt-outs and parked people, in one transaction. A superseded writer's contacts become due again. */
    settle: (audience: string, people: People, generation: number, settlements: readonly Settlement[]): Promise<void> =>
      transaction(async (tx) => {
        const current = await tx.query<unknown[]>`
          SELECT 1 FROM audiences WHERE audience = ${audience} AND generation = ${generation} FOR SHARE`;
        if (current.length === 0) {
          await dueAgain(
            tx,
            audience,
            settlements.map(({ address }) => address),
          );
          return;
        }
        await settleAll(tx, audience, people, settlements);
      }),

    /** Contacts that stay due: later, in smaller company, or after their call cannot land any more. */
    async postpone(audience: string, generation: number, postponements: readonly Postponement[]): Promise<void> {
      await sql.execute`
        UPDATE contacts c SET
          due_at = now() + make_interval(secs => g."afterMs" / 1000.0),
          tries = c.tries + CASE WHEN g.counts THEN 1 ELSE 0 END,
          batch_limit = g."batchLimit",
          under_way_until = CASE WHEN g."mayStillLand" OR c.under_way_by > ${generation} THEN c.under_way_until END
        FROM jsonb_to_recordset(${asJson(postponements)}) AS g(address text, "afterMs" float, counts boolean, "batchLimit" int, "mayStillLand" boolean)
        WHERE c.audience = ${audience} AND c.address = g.address`;
    },

    /** Contacts that a plan marked and that are no longer what it meant: nothing is done about them. */
    async skip(audience: string, contacts: readonly { address: string; version: number }[]): Promise<void> {
      await sql.execute`
        WITH skipped AS (
          UPDATE contacts c SET due_at = NULL, plan_hash = NULL, approved = false, welcome = false, quiet = false,
            under_way_until = CASE WHEN c.under_way_until > now() THEN c.under_way_until END
          FROM jsonb_to_recordset(${asJson(contacts)}) AS g(address text, version int)
          WHERE c.audience = ${audience} AND c.address = g.address AND c.version = g.version
          RETURNING c.address, c.settled_member_id, c.run_id
        )
        INSERT INTO pushes (audience, address, member_id, operation, outcome, run_id)
        SELECT ${audience}, address, settled_member_id, 'none', 'skipped', run_id FROM skipped`;
    },

    /** Live contacts whose turn takes long go behind newer live ones. */
    async defer(audience: string, addresses: readonly string[]): Promise<void> {
      await sql.execute`UPDATE contacts SET lane = 1 WHERE audience = ${audience} AND address = ANY(${[...addresses]})`;
    },

    /** Contacts whose call has ended without effect (`notAdded`: which it would have added) and which another attempt takes up: not under way any more. */
    async release(
      audience: string,
      generation: number,
      addresses: readonly string[],
      notAdded: readonly string[] = [],
    ): Promise<void> {
      await sql.execute`
        UPDATE contacts SET under_way_until = NULL, adding_since = CASE WHEN address = ANY(${[...notAdded]}) THEN NULL ELSE adding_since END
        WHERE audience = ${audience} AND address = ANY(${[...addresses]}) AND under_way_by = ${generation}`;
    },
  };
}

/** A late end of a superseded writer's call: what it wrote may be older than what came after. */
async function dueAgain(tx: Queries, audience: string, addresses: string[]): Promise<void> {
  await tx.execute`
    UPDATE contacts SET version = version + 1, due_at = now(), settled_hash = NULL
    WHERE audience = ${audience} AND address = ANY(${addresses})`;
}

async function settleAll(
  tx: Queries,
  audience: string,
  people: People,
  settlements: readonly Settlement[],
): Promise<void> {
  const rows = settlements.map((settlement) => ({
    ...settlement,
    binds: binds(settlement.listState) && settlement.outcome !== 'removed',
  }));
  const given = Prisma.sql`jsonb_to_recordset(${asJson(rows)}) AS g(address text, version int, "memberId" text, operation text,
    outcome text, hash text, added boolean, "isOurs" boolean, "listState" text, code int, reason text, binds boolean, refusal jsonb)`;
  // both whose subscription it was and who is refused because of it: the stricter wins
  if (rows.some((row) => row.binds)) {
    await tx.execute`
      INSERT INTO opt_outs (audience, address, member_id, state)
      SELECT DISTINCT ${audience}, g.address, who, g."listState"
      FROM ${given} LEFT JOIN contacts c ON c.audience = ${audience} AND c.address = g.address
      CROSS JOIN LATERAL unnest(ARRAY[coalesce(c.settled_member_id, ''), coalesce(g."memberId", '')]) AS who
      WHERE g.binds AND NOT ${isOurRemoval(audience, Prisma.sql`g.address`, Prisma.sql`g."listState"`)}
      ON CONFLICT (audience, address, member_id) DO UPDATE SET
        at = CASE WHEN opt_outs.state = EXCLUDED.state THEN opt_outs.at ELSE EXCLUDED.at END, state = EXCLUDED.state`;
  }
  await tx.execute`
    WITH given AS MATERIALIZED (SELECT * FROM ${given}),
    settled AS (
      UPDATE contacts c SET
        settled_hash = g.hash, settled_at = now(), under_way_until = NULL, tries = 0, batch_limit = NULL,
        settled_outcome = CASE WHEN g.outcome = 'unchanged' THEN coalesce(c.settled_outcome, g.outcome) ELSE g.outcome END,
        settled_reason = CASE WHEN g.outcome = 'unchanged' THEN c.settled_reason ELSE g.reason END,
        -- whoever was taken off, said no or is gone, and is there again, was put there by others
        added_by_us = (c.added_by_us OR coalesce(g."isOurs", false)) AND g.outcome <> 'removed'
          AND coalesce(g."listState", 'Active') IN ('Active', 'Unconfirmed'),
        adding_since = NULL, quiet = c.quiet AND (c.version <> g.version OR coalesce(g.reason = 'too-many-sign-ups', false)),
        -- who was refused for another one's no is not whose subscription it is
        settled_member_id = CASE WHEN g.outcome = 'opted-out' THEN coalesce(c.settled_member_id, g."memberId")
          ELSE coalesce(g."memberId", c.settled_member_id) END,
        list_state = coalesce(g."listState", c.list_state),
        list_state_at = CASE WHEN g."listState" IS NULL THEN c.list_state_at ELSE now() END,
        due_at = CASE WHEN c.version = g.version THEN NULL ELSE now() END,
        welcome = c.welcome AND c.version <> g.version, approved = c.approved AND c.version <> g.version,
        plan_hash = CASE WHEN c.version <> g.version THEN c.plan_hash END
      FROM given g WHERE c.audience = ${audience} AND c.address = g.address
    ), opted_in AS (
      DELETE FROM opt_outs o USING given g WHERE o.audience = ${audience} AND o.address = g.address AND g."listState" = 'Active'
        AND ${optInCounts(people)}
    ), decided AS (
      DELETE FROM holds h USING given g WHERE h.audience = ${audience} AND h.address = g.address AND g.outcome NOT IN ('held', 'unchanged')
    ), unparked AS (
      UPDATE parked p SET cleared_at = now(), wake_at = now() FROM given g
      WHERE p.site = ${people.scope} AND p.member_id = g."memberId" AND p.step = 'pushContact'
        AND g.outcome NOT IN ('refused', 'unchanged') AND p.cleared_at IS NULL
        -- what becomes of an address that the member left says nothing of the one it is parked for
        AND (g.address = p.address OR g.outcome NOT IN ('removed', 'absent', 'kept', 'held'))
    )
    INSERT INTO pushes (audience, address, member_id, operation, outcome, code, reason, hash, added, run_id)
    SELECT ${audience}, g.address, g."memberId", g.operation, g.outcome, g.code, g.reason, g.hash, coalesce(g.added, false), c.run_id
    FROM given g LEFT JOIN contacts c ON c.audience = ${audience} AND c.address = g.address WHERE g.outcome <> 'unchanged'`;
  if (!rows.some(({ refusal }) => refusal)) return;
  await tx.execute`
    INSERT INTO parked (site, member_id, step, type, message, audience, address)
    SELECT ${people.scope}, "memberId", 'pushContact', refusal->>'type', refusal->>'message', ${audience}, address
    FROM ${given} WHERE refusal IS NOT NULL AND "memberId" IS NOT NULL
    ON CONFLICT (site, member_id) DO UPDATE SET step = EXCLUDED.step, type = EXCLUDED.type, message = EXCLUDED.message,
      since = now(), audience = EXCLUDED.audience, address = EXCLUDED.address, cleared_at = NULL, wake_at = now()`;
}
