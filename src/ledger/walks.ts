import { addressOf, type MemberFacts } from '../domain/member.js';
import { markDue } from './contacts.js';
import { asJson, type Database } from './database.js';

/** A member as a page of the source told it. */
export interface ReadMember {
  memberId: string;
  facts: MemberFacts;
}

/** Walks over all members of a site: what a page finds new, and whom it misses. */
export function createWalks({ sql, transaction }: Database) {
  return {
    /** The database's time, to be taken before each request. */
    async now(): Promise<Date> {
      const [row] = await sql.query<[{ now: Date }]>`SELECT clock_timestamp()::timestamptz(3) AS now`;
      return row.now;
    },

    /** Facts of these members whose ledger rows say nothing that a page which repeats them would change. */
    async settledFacts(site: string, memberIds: readonly string[]): Promise<Map<string, MemberFacts>> {
      const rows = await sql.query<({ memberId: string } & MemberFacts)[]>`
        SELECT member_id AS "memberId", email, name, status, labels, email_enabled AS "emailEnabled", suppressed, signed_up_at AS "signedUpAt"
        FROM members WHERE site = ${site} AND member_id = ANY(${[...memberIds]}) AND email IS NOT NULL
          AND deleted_at IS NULL AND suspected_gone_at IS NULL AND missing_run IS NULL`;
      return new Map(rows.map(({ memberId, ...facts }) => [memberId, facts]));
    },

    /**
     * Notes which living members a page missed: those with ids between its first and last one (to the end on the last page).
     * Those that the complete walk before this one missed as well keep that mark until this walk has ended.
     */
    async noteMissing(
      page: { site: string; run: string; before: string | undefined; asOf: Date },
      range: { after: string; last: string | undefined; seen: readonly string[] },
    ): Promise<void> {
      const { site, run, before, asOf } = page;
      await sql.execute`
        UPDATE members SET missing_run = ${run}::uuid
        WHERE site = ${site} AND member_id > ${range.after} AND (${range.last}::text IS NULL OR member_id <= ${range.last})
          AND member_id <> ALL(${[...range.seen]}) AND email IS NOT NULL AND deleted_at IS NULL
          AND (observed_at IS NULL OR observed_at <= ${asOf}) AND (lease_until IS NULL OR lease_until < now())
          AND missing_run IS DISTINCT FROM ${run}::uuid AND missing_run IS DISTINCT FROM ${before}::uuid`;
    },

    /**
     * After a complete walk: members whom the complete walk before missed too, as the removals of this run; their mark moves
     * on to this walk, so that the next one finds them again if nothing comes of it.
     */
    planGone: (site: string, run: string, before: string | undefined): Promise<void> =>
      transaction(async (tx) => {
        if (before === undefined) return;
        await tx.execute`
          INSERT INTO plan_items (run_id, address, member_id, action, why, hash)
          SELECT ${run}::uuid, address, max(member_id), 'remove', 'missing', 'absent' FROM members
          WHERE site = ${site} AND missing_run = ${before}::uuid AND deleted_at IS NULL AND address IS NOT NULL
          GROUP BY address
          ON CONFLICT (run_id, address) DO NOTHING`;
        await tx.execute`
          UPDATE members SET missing_run = ${run}::uuid WHERE site = ${site} AND missing_run = ${before}::uuid AND deleted_at IS NULL`;
      }),

    /** Living members at these addresses whom a walk missed. */
    async missingAt(site: string, addresses: readonly string[]): Promise<string[]> {
      const rows = await sql.query<{ id: string }[]>`
        SELECT member_id AS id FROM members
        WHERE site = ${site} AND address = ANY(${[...addresses]}) AND deleted_at IS NULL AND missing_run IS NOT NULL`;
      return rows.map(({ id }) => id);
    },

    /** Members whom the source, asked again one by one, does not have: deleted, as far as anybody can tell. Gives how many. */
    markGone: (
      gone: { site: string; audience: string; run: string; asOf: Date; foundBy: 'walk' | 'full'; approved: boolean },
      memberIds: readonly string[],
    ): Promise<number> =>
      transaction(async (tx) => {
        const rows = await tx.query<{ address: string }[]>`
          WITH gone AS (
            UPDATE members SET deleted_at = ${gone.asOf}, observed_at = ${gone.asOf}, missing_run = NULL, suspected_gone_at = NULL
            WHERE site = ${gone.site} AND member_id = ANY(${[...memberIds]}) AND deleted_at IS NULL
              AND (observed_at IS NULL OR observed_at <= ${gone.asOf}) AND (lease_until IS NULL OR lease_until < now())
            RETURNING member_id, address
          ), noted AS (
            INSERT INTO member_changes (site, member_id, kind, found_by, run_id)
            SELECT ${gone.site}, member_id, 'deleted', ${gone.foundBy}, ${gone.run}::uuid FROM gone
          )
          SELECT DISTINCT address FROM gone WHERE address IS NOT NULL`;
        const marks = rows.map(({ address }) => ({ address, approved: gone.approved }));
        if (marks.length > 0) await markDue(tx, gone.audience, marks, 'bulk', gone.run);
        return rows.length;
      }),

    /** Keeps what a dry run read apart from the ledger's own members. */
    async stage(run: string, asOf: Date, members: readonly ReadMember[]): Promise<void> {
      const rows = members.map(({ memberId, facts }) => ({ memberId, address: addressOf(facts.email), ...facts }));
      await sql.execute`
        INSERT INTO planned_members (run_id, member_id, email, address, name, status, labels, email_enabled, suppressed, signed_up_at, as_of)
        SELECT ${run}::uuid, "memberId", email, address, name, status, ARRAY(SELECT jsonb_array_elements_text(labels)), "emailEnabled",
          coalesce(suppressed, false), "signedUpAt", ${asOf}
        FROM jsonb_to_recordset(${asJson(rows)}) AS g("memberId" text, email text, address text, name text, status text, labels jsonb,
          "emailEnabled" boolean, suppressed boolean, "signedUpAt" timestamptz)
        ON CONFLICT (run_id, member_id) DO UPDATE SET email = EXCLUDED.email, address = EXCLUDED.address, name = EXCLUDED.name,
          status = EXCLUDED.status, labels = EXCLUDED.labels, email_enabled = EXCLUDED.email_enabled,
          suppressed = EXCLUDED.suppressed, signed_up_at = EXCLUDED.signed_up_at, as_of = EXCLUDED.as_of`;
    },

    /** A page of what a dry run read, in the order of ids. */
    async staged(run: string, after: string, limit: number): Promise<(ReadMember & { asOf: Date })[]> {
      const rows = await sql.query<({ memberId: string; asOf: Date } & MemberFacts)[]>`
        SELECT member_id AS "memberId", as_of AS "asOf", email, name, status, labels, email_enabled AS "emailEnabled", suppressed,
          signed_up_at AS "signedUpAt"
        FROM planned_members WHERE run_id = ${run}::uuid AND member_id > ${after} ORDER BY member_id LIMIT ${limit}`;
      return rows.map(({ memberId, asOf, ...facts }) => ({ memberId, asOf, facts }));
    },
  };
}
