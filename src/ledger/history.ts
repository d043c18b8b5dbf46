import type { MemberFacts } from '../domain/member.js';
import type { ListState } from '../domain/plan-contact.js';
import type { FoundBy } from '../domain/status-history.js';
import type { Database } from './database.js';

/** A change of what we sync of a member. */
export interface ChangeRow {
  memberId: string;
  at: Date;
  kind: string;
  foundBy: string;
  runId: string | null;
  /** The member from then on; null where nobody could tell. */
  facts: MemberFacts | null;
}

/** What a full reading back saw of an address. */
export interface SeenRow {
  /** `Absent` where the whole list was read and it was not there. */
  state: ListState;
  at: Date;
  runId: string;
  stateDate: string;
  reason: string | null;
  email: string;
  name: string;
  fields: Record<string, string>;
}

/** Everything that the ledger holds of one member. */
export type MemberPast = Awaited<ReturnType<ReturnType<typeof createHistory>['ofMember']>>;
/** Everything that the ledger holds of one address of an audience. */
export type AddressPast = Awaited<ReturnType<ReturnType<typeof createHistory>['ofAddress']>>;

/** Proof per person: what was said, seen and done, as it happened. */
export function createHistory({ prisma, sql }: Database) {
  const changesOf = async (site: string, memberId: string): Promise<ChangeRow[]> => {
    const rows = await prisma.memberChange.findMany({
      where: { site, memberId },
      omit: { id: true, site: true },
      orderBy: [{ at: 'asc' }, { id: 'asc' }],
    });
    return rows.map((row) => ({ ...row, facts: toFacts(row.facts) }));
  };

  /** The newest sight of an address; a reading of the whole list that does not have it saw that it is absent. */
  const seen = async (audience: string, address: string): Promise<SeenRow | undefined> => {
    const [row] = await sql.query<(SeenRow | { state: null; at: Date; runId: string })[]>`
      SELECT r.id AS "runId", o.state, coalesce(o.observed_at, r.started_at) AS at, o.state_date AS "stateDate", nullif(o.reason, '') AS reason,
        o.email, o.name, o.fields
      FROM sync_runs r LEFT JOIN observations o ON o.run_id = r.id AND o.address = ${address}
      WHERE r.audience = ${audience} AND r.mode = 'full' AND NOT r.dry_run AND (o.state IS NOT NULL
        OR (r.result IN ('done', 'partly', 'refused') AND r.phase NOT IN ('starting', 'reading list')))
      ORDER BY r.started_at DESC LIMIT 1`;
    if (!row) return undefined;
    if (row.state !== null) return row;
    return { ...row, state: 'Absent', stateDate: '', reason: null, email: address, name: '', fields: {} };
  };

  return {
    /** Ids of a site that hold this address, or once did. */
    async holders(site: string, address: string): Promise<string[]> {
      const rows = await sql.query<{ memberId: string }[]>`
        SELECT member_id AS "memberId" FROM members WHERE site = ${site} AND address = ${address}
        UNION SELECT member_id FROM member_changes WHERE site = ${site} AND lower(trim(facts->>'email')) = ${address}
        ORDER BY 1 DESC`;
      return rows.map(({ memberId }) => memberId);
    },

    /** One member: the present row, and how it came to be. */
    async ofMember(site: string, memberId: string) {
      const [row, changes, transitions, deliveries, parked] = await Promise.all([
        prisma.member.findUniqueOrThrow({
          where: { site_memberId: { site, memberId } },
          omit: { leaseToken: true, leaseUntil: true, readTries: true },
        }),
        changesOf(site, memberId),
        prisma.statusTransition.findMany({
          where: { site, memberId },
          omit: { id: true, site: true, memberId: true },
          orderBy: [{ at: 'asc' }, { id: 'asc' }],
        }),
        prisma.delivery.findMany({
          where: { site, memberId },
          omit: { payload: true, signature: true },
          orderBy: { receivedAt: 'asc' },
        }),
        prisma.parked.findUnique({ where: { site_memberId: { site, memberId } } }),
      ]);
      const history = transitions.map((one) => ({ ...one, foundBy: one.foundBy as FoundBy }));
      return { row, changes, transitions: history, deliveries, parked };
    },

    /** One address, and what else concerns its member there; of a member whose address nobody knows, ''. */
    async ofAddress(audience: string, address: string, memberId: string) {
      const theirs = { audience, OR: [{ address }, { memberId }] };
      const [contact, pushes, holds, optOuts, seenLast, leftBehind] = await Promise.all([
        prisma.contact.findUnique({ where: { audience_address: { audience, address } } }),
        prisma.push.findMany({ where: theirs, omit: { audience: true }, orderBy: [{ at: 'asc' }, { id: 'asc' }] }),
        prisma.hold.findMany({ where: theirs, omit: { audience: true }, orderBy: { since: 'asc' } }),
        prisma.optOut.findMany({ where: theirs, omit: { audience: true }, orderBy: { at: 'asc' } }),
        address === '' ? undefined : seen(audience, address),
        sql.query<{ address: string; due: boolean }[]>`
          SELECT c.address, c.due_at IS NOT NULL AS due FROM contacts c
          WHERE c.audience = ${audience} AND c.settled_member_id = ${memberId} AND c.address <> ${address} AND c.list_state = 'Active'
            AND NOT EXISTS (SELECT FROM members m JOIN members s ON s.site = m.site AND s.member_id = ${memberId}
              WHERE m.address = c.address AND m.deleted_at IS NULL)`,
      ]);
      return { contact, pushes, holds, optOuts, seen: seenLast, leftBehind };
    },
  };
}

/** Facts as they were written down: their one time is a text there. */
function toFacts(json: unknown): MemberFacts | null {
  if (json === null || typeof json !== 'object') return null;
  const facts = json as Omit<MemberFacts, 'signedUpAt'> & { signedUpAt: string };
  return { ...facts, signedUpAt: new Date(facts.signedUpAt) };
}
