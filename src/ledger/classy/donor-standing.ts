import type { ListState } from '../../domain/plan-contact.js';
import type { Database } from '../database.js';
import type { People } from '../people.js';
import { type DonorColumns, donorColumns, type Reckoning } from './donors.js';

/** What a reading of an audience saw of an address. */
export interface SeenThere {
  run: string;
  /** `full` or `incremental`. */
  mode: string;
  dryRun: boolean;
  /** Time before the request. */
  at: Date;
  /** `Absent` where the whole audience was read and it was not there. */
  state: ListState;
  /** The audience's own date of that state; empty where it told none. */
  stateDate: string;
  reason: string | null;
  email: string;
  name: string;
  fields: Record<string, string>;
  tags: string[];
}

/** Everything that the ledger holds of one address in an audience. */
export type DonorStanding = Awaited<ReturnType<ReturnType<typeof createDonorStandings>['standing']>>;

/** What the ledger knows of one donor, and of an address in an audience: for people to look at. */
export function createDonorStandings({ prisma, sql }: Database) {
  return {
    /** The donor at an address as last added up; undefined: nobody was. */
    async addedUp({ byAddress }: Pick<People, 'byAddress'>, address: string): Promise<DonorColumns | undefined> {
      const [row] = await sql.query<DonorColumns[]>`
        SELECT h.member_id, ${donorColumns} FROM ${byAddress} h WHERE h.address = ${address}`;
      return row;
    },

    /** The present instant, as adding up now would have it. */
    async present(organization: string): Promise<Reckoning> {
      const [row] = await sql.query<[Reckoning]>`
        SELECT now() AS "asOf", (now() AT TIME ZONE time_zone)::date::text AS "asOfDay" FROM organizations WHERE id = ${organization}::bigint`;
      return row;
    },

    /** One address in an audience, and what else concerns these supporters there. */
    async standing(audience: string, address: string, supporters: readonly string[]) {
      const theirs = { audience, OR: [{ address }, { memberId: { in: [...supporters] } }] };
      const [place, contact, pushes, holds, optOuts, removals, seenLast] = await Promise.all([
        prisma.audience.findUnique({ where: { audience } }),
        prisma.contact.findUnique({ where: { audience_address: { audience, address } } }),
        prisma.push.findMany({ where: theirs, omit: { audience: true }, orderBy: [{ at: 'asc' }, { id: 'asc' }] }),
        prisma.hold.findMany({ where: { audience, address }, omit: { audience: true }, orderBy: { since: 'asc' } }),
        prisma.optOut.findMany({ where: theirs, omit: { audience: true }, orderBy: { at: 'asc' } }),
        prisma.removal.findMany({
          where: { audience, address },
          omit: { audience: true },
          orderBy: { drawnAt: 'asc' },
        }),
        seen(audience, address),
      ]);
      return { place, contact, pushes, holds, optOuts, removals, seen: seenLast };
    },
  };

  /** The newest sight of an address, also by a dry run; one of the whole audience that has it not saw that it is absent. */
  async function seen(audience: string, address: string): Promise<SeenThere | undefined> {
    const [row] = await sql.query<(SeenThere | (Omit<SeenThere, 'state'> & { state: null }))[]>`
      SELECT r.id AS run, r.mode, r.dry_run AS "dryRun", coalesce(o.observed_at, r.list_read_at) AS at, o.state, o.state_date AS "stateDate",
        nullif(o.reason, '') AS reason, o.email, o.name, o.fields, coalesce(o.tags, '{}') AS tags
      FROM sync_runs r LEFT JOIN observations o ON o.run_id = r.id AND o.address = ${address}
      WHERE r.audience = ${audience} AND (o.state IS NOT NULL OR (
        r.mode = 'full' AND r.list_read_at IS NOT NULL AND r.result IN ('done', 'partly', 'refused')
        AND r.phase NOT IN ('starting', 'adding up', 'reading list')
        -- what an older run read may be forgotten: then it says nothing
        AND (r.list_read = 0 OR EXISTS (SELECT FROM observations x WHERE x.run_id = r.id))))
      ORDER BY 4 DESC LIMIT 1`;
    if (!row) return undefined;
    if (row.state !== null) return row;
    return { ...row, state: 'Absent', stateDate: '', reason: null, email: address, name: '', fields: {}, tags: [] };
  }
}
