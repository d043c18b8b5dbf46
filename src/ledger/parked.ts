import type { ParkedFailure } from '../contract/member-sync.js';
import { Prisma } from './client/client.js';
import { DUE_CHANNEL } from './contacts.js';
import type { Database } from './database.js';

/** A parked member as the command line shows it. */
export interface ParkedRow extends ParkedFailure {
  site: string;
  memberId: string;
  since: Date;
}

/** Which parked members an operator means. */
export interface ParkedFilter {
  site?: string | undefined;
  step?: string | undefined;
  memberIds?: readonly string[] | undefined;
}

/** How often the relay looks whether a parked member's run still stands. */
const LOOK_AFTER_SECONDS = 3600;

/** People whose sync stopped because waiting will not heal it (house decision 14). */
export function createParked({ prisma, sql }: Database) {
  return {
    /** Why a member is parked, if it is. */
    async find(site: string, memberId: string): Promise<ParkedFailure | undefined> {
      const row = await prisma.parked.findUnique({ where: { site_memberId: { site, memberId } } });
      return row && !row.clearedAt ? { step: row.step, type: row.type, message: row.message } : undefined;
    },

    /** Counts a failed read of one member; true once it failed so often that it should park. */
    async countReadFailure(site: string, memberId: string, most: number): Promise<boolean> {
      const [row] = await sql.query<{ tries: number }[]>`
        UPDATE members SET read_tries = read_tries + 1, lease_until = NULL, lease_token = NULL
        WHERE site = ${site} AND member_id = ${memberId} RETURNING read_tries AS tries`;
      return (row?.tries ?? 0) >= most;
    },

    /** Parks a member whose source record cannot be read. */
    async parkRead(site: string, memberId: string, type: string, message: string): Promise<void> {
      await sql.execute`
        INSERT INTO parked (site, member_id, step, type, message) VALUES (${site}, ${memberId}, 'readMember', ${type}, ${message})
        ON CONFLICT (site, member_id) DO UPDATE SET type = EXCLUDED.type, message = EXCLUDED.message, step = EXCLUDED.step, cleared_at = NULL`;
    },

    /** Ends the parking and makes the member's contact due, to be sent whatever it last was. */
    async retry(site: string, memberId: string): Promise<void> {
      await sql.query`
        WITH gone AS (DELETE FROM parked WHERE site = ${site} AND member_id = ${memberId} RETURNING audience, address),
        due AS (
          UPDATE contacts c SET version = c.version + 1, due_at = now(), tries = 0, settled_hash = NULL
          FROM gone g WHERE c.audience = g.audience AND c.address = g.address RETURNING c.audience
        ), fresh AS (UPDATE members SET read_tries = 0 WHERE site = ${site} AND member_id = ${memberId})
        SELECT pg_notify(${DUE_CHANNEL}, audience)::text FROM due`;
    },

    /** Gives the member up until something changes: settles what was refused, or the deliveries that cannot be applied. */
    async discard(site: string, memberId: string): Promise<void> {
      await sql.execute`
        WITH gone AS (DELETE FROM parked WHERE site = ${site} AND member_id = ${memberId} RETURNING audience, address, step),
        settled AS (
          UPDATE contacts c SET settled_outcome = 'discarded', settled_at = now()
          FROM gone g WHERE c.audience = g.audience AND c.address = g.address
        ), noted AS (
          INSERT INTO pushes (audience, address, member_id, operation, outcome)
          SELECT audience, address, ${memberId}, 'none', 'discarded' FROM gone WHERE audience IS NOT NULL
        ), fresh AS (UPDATE members SET read_tries = 0 WHERE site = ${site} AND member_id = ${memberId})
        UPDATE deliveries SET state = 'done', outcome = 'discarded', outcome_at = now(), next_wake_at = NULL
        WHERE site = ${site} AND member_id = ${memberId} AND state = 'waiting'
          AND EXISTS (SELECT FROM gone WHERE step = 'readMember')`;
    },

    /** Ends the parking where what should be is no longer what was refused: the contact is due or settled anew. */
    async unparkIfChanged(site: string, memberId: string): Promise<void> {
      await sql.execute`
        DELETE FROM parked p WHERE p.site = ${site} AND p.member_id = ${memberId} AND (
          p.cleared_at IS NOT NULL
          OR (p.step = 'readMember' AND NOT EXISTS (
            SELECT FROM deliveries d WHERE d.site = p.site AND d.member_id = p.member_id AND d.state = 'waiting'))
          OR (p.step = 'pushContact' AND EXISTS (
            SELECT FROM contacts c JOIN members m ON m.site = p.site AND m.member_id = p.member_id
            WHERE c.audience = p.audience AND c.due_at IS NOT NULL AND (c.address = p.address OR c.address = m.address))))`;
    },

    /** Claims the members whose runs the relay should start, wake or look after. */
    claimWakes: (limit: number): Promise<{ site: string; memberId: string }[]> => sql.query`
      UPDATE parked SET wake_at = now() + make_interval(secs => ${LOOK_AFTER_SECONDS})
      WHERE (site, member_id) IN (SELECT site, member_id FROM parked WHERE wake_at <= now() ORDER BY wake_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
      RETURNING site, member_id AS "memberId"`,

    /** Gives back a wake that could not be signalled. */
    async returnWake(site: string, memberId: string): Promise<void> {
      await sql.execute`UPDATE parked SET wake_at = now() WHERE site = ${site} AND member_id = ${memberId}`;
    },

    /** Parked members, longest first. */
    list: ({ site, step, memberIds }: ParkedFilter = {}): Promise<ParkedRow[]> => sql.query`
      SELECT site, member_id AS "memberId", step, type, message, since FROM parked
      WHERE cleared_at IS NULL
        ${site === undefined ? Prisma.empty : Prisma.sql`AND site = ${site}`}
        ${step === undefined ? Prisma.empty : Prisma.sql`AND step = ${step}`}
        ${memberIds === undefined ? Prisma.empty : Prisma.sql`AND member_id = ANY(${[...memberIds]})`}
      ORDER BY since`,
  };
}
