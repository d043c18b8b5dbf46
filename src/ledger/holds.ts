import { Prisma } from './client/client.js';
import { DUE_CHANNEL } from './contacts.js';
import type { Database } from './database.js';

/** One thing that waits for an operator's word. */
export interface HeldRow {
  id: string;
  audience: string;
  address: string;
  memberId: string | null;
  kind: string;
  reason: string;
  since: Date;
  released: boolean;
}

/** Which held ones an operator means. */
export interface HeldFilter {
  audience?: string | undefined;
  ids?: readonly string[] | undefined;
  kind?: 'removal' | 'addition' | undefined;
}

/** Stable id of a hold that names nobody. */
const HOLD_ID = Prisma.sql`left(encode(sha256(convert_to(audience || ' ' || kind || ' ' || address, 'UTF8')), 'hex'), 12)`;

const where = ({ audience, ids, kind }: HeldFilter): Prisma.Sql => Prisma.sql`
  released_at IS NULL
  ${audience === undefined ? Prisma.empty : Prisma.sql`AND audience = ${audience}`}
  ${kind === undefined ? Prisma.empty : Prisma.sql`AND kind = ${kind}`}
  ${ids === undefined ? Prisma.empty : Prisma.sql`AND ${HOLD_ID} = ANY(${[...ids]})`}`;

/** Removals beyond the budget and additions that would mail people: shown, released or discarded by an operator. */
export function createHolds({ sql }: Database) {
  return {
    /** Holds an addition that would send a confirmation mail. */
    async holdAddition(audience: string, address: string, memberId: string, reason: string): Promise<void> {
      await sql.execute`
        INSERT INTO holds (audience, address, member_id, kind, reason) VALUES (${audience}, ${address}, ${memberId}, 'addition', ${reason})
        ON CONFLICT (audience, address, kind) DO NOTHING`;
    },

    /** What is held, oldest first. */
    list: (filter: HeldFilter = {}): Promise<HeldRow[]> => sql.query`
      SELECT ${HOLD_ID} AS id, audience, address, member_id AS "memberId", kind, reason, since, false AS released
      FROM holds WHERE ${where(filter)} ORDER BY since, address`,

    /** Lets them go, without drawing on the budget again; the writer rechecks each. Gives how many. */
    async release(filter: HeldFilter): Promise<number> {
      const rows = await sql.query<unknown[]>`
        WITH released AS (
          UPDATE holds SET released_at = now() WHERE ${where(filter)} RETURNING audience, address
        ), due AS (
          UPDATE contacts c SET version = c.version + 1, due_at = now(), tries = 0 FROM released r
          WHERE c.audience = r.audience AND c.address = r.address RETURNING c.audience
        )
        SELECT audience, pg_notify(${DUE_CHANNEL}, audience)::text FROM due`;
      return rows.length;
    },

    /** Leaves the people as they are on the list. Gives how many. */
    discard: (filter: HeldFilter): Promise<number> => sql.execute`
      WITH gone AS (DELETE FROM holds WHERE ${where(filter)} RETURNING audience, address, member_id), noted AS (
        INSERT INTO pushes (audience, address, member_id, operation, outcome) SELECT audience, address, member_id, 'none', 'discarded' FROM gone)
      UPDATE contacts c SET settled_outcome = 'discarded', settled_at = now() FROM gone g
      WHERE c.audience = g.audience AND c.address = g.address`,
  };
}
