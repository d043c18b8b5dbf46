import type { ComparedContact, Finding, Observation } from '../domain/compare-contact.js';
import type { ListState } from '../domain/plan-contact.js';
import { mergeStatusHistory, type StatusTransition } from '../domain/status-history.js';
import { Prisma } from './client/client.js';
import { type DueMark, markDue, type PlannableRow, plannable, toTaken } from './contacts.js';
import { asJson, type Database, orUndefined, type Queries } from './database.js';
import { historiesOf, writeHistories } from './member-rows.js';

/** What is compared: a site with its audience, and whose reading of both sides. */
export interface Compared {
  site: string;
  audience: string;
  /** The run whose reading back counts; undefined: the ledger alone is looked at. */
  readBy?: string | undefined;
  /** The run whose members count in place of the ledger's: a dry run. */
  plannedBy?: string | undefined;
  /** Largest member id that counts. */
  untilId?: string | undefined;
}

/** One address and what comparing it found. */
export interface Found {
  address: string;
  /** The contact's version when it was loaded: what became due meanwhile is not overwritten. */
  version: number;
  finding: Finding;
}

/** An address whose list holds the history of an earlier tool. */
export interface Adoption {
  memberId: string;
  transition: StatusTransition;
}

/** Comparing addresses of a site with what its list was seen to hold. */
export function createReconcile({ sql, transaction }: Database) {
  return {
    /** The next addresses in order: of living members, of contacts, and of the list as it was read. */
    async addresses({ site, audience, ...by }: Compared, after: string, limit: number): Promise<string[]> {
      const page = (rows: Prisma.Sql): Prisma.Sql => Prisma.sql`(${rows} ORDER BY address LIMIT ${limit})`;
      const living = Prisma.sql`SELECT address FROM members WHERE site = ${site} AND address > ${after} AND deleted_at IS NULL`;
      const until = by.untilId === undefined ? Prisma.empty : Prisma.sql`AND member_id <= ${by.untilId}`;
      const planned = Prisma.sql`SELECT address FROM planned_members WHERE run_id = ${by.plannedBy}::uuid AND address > ${after}`;
      const members = by.plannedBy === undefined ? page(Prisma.sql`${living} ${until}`) : Prisma.sql`${page(planned)}`;
      const others = Prisma.sql`
        UNION ${page(living)}
        UNION ${page(Prisma.sql`SELECT address FROM contacts WHERE audience = ${audience} AND address > ${after}`)}
        UNION ${page(Prisma.sql`SELECT address FROM observations WHERE run_id = ${by.readBy}::uuid AND address > ${after}`)}`;
      const rows = await sql.query<{ address: string }[]>`
        SELECT address FROM (${members} ${by.untilId === undefined ? others : Prisma.empty}) AS a ORDER BY address LIMIT ${limit}`;
      return rows.map(({ address }) => address);
    },

    /** Addresses that are on the list as far as we know though nobody who should be there holds them. */
    async strays(
      site: string,
      audience: string,
      removesDisabled: boolean,
      after: string,
      limit: number,
    ): Promise<string[]> {
      const rows = await sql.query<{ address: string }[]>`
        SELECT c.address FROM contacts c
        WHERE c.audience = ${audience} AND c.address > ${after} AND c.list_state = 'Active' AND c.due_at IS NULL
          AND c.settled_hash IS DISTINCT FROM 'absent' AND NOT EXISTS (
            SELECT FROM members m WHERE m.site = ${site} AND m.address = c.address AND m.deleted_at IS NULL
              AND (m.email_enabled OR NOT ${removesDisabled}))
        ORDER BY c.address LIMIT ${limit}`;
      return rows.map(({ address }) => address);
    },

    /** All that the rules need to compare these addresses. */
    async load(compared: Compared, addresses: readonly string[]): Promise<ComparedContact[]> {
      const { site, audience, readBy, plannedBy } = compared;
      const contacts = Prisma.sql`
        SELECT g.address, coalesce(c.version, 0) AS version, coalesce(c.lane, 1) AS lane, coalesce(c.tries, 0) AS tries, c.batch_limit,
          c.delivered_at, c.settled_hash, c.settled_member_id, c.list_state, false AS welcome, false AS approved, NULL::text AS plan_hash,
          c.due_at, c.under_way_until, c.settled_at, c.settled_outcome, c.differs_key
        FROM unnest(${[...addresses]}::text[]) AS g(address) LEFT JOIN contacts c ON c.audience = ${audience} AND c.address = g.address`;
      const members = plannedBy === undefined ? undefined : plannedMembers(site, plannedBy);
      const rows = await sql.query<(PlannableRow & ObservedRow & { known: boolean })[]>`
        SELECT p.*, EXISTS (SELECT FROM contacts k WHERE k.audience = ${audience} AND k.address = p.address) AS known,
          o.state AS seen_state, o.state_date AS seen_date, o.name AS seen_name, o.fields AS seen_fields, o.observed_at AS seen_at
        FROM (${plannable(audience, site, contacts, members)}) p
        LEFT JOIN observations o ON o.run_id = ${readBy}::uuid AND o.address = p.address`;
      return rows.map(toCompared);
    },

    /**
     * Writes what a page of comparing found: what differs is due, what is true is settled, removals wait as items of the run's
     * plan. With `onlyPlanOf` only what that plan means just the same is due; gives how many else differ. A dry run writes its
     * plan alone.
     */
    write: (
      compared: Compared,
      found: readonly Found[],
      how: {
        run: string;
        dryRun: boolean;
        marks: boolean;
        onlyPlanOf?: string | undefined;
        adoptions: readonly Adoption[];
      },
    ): Promise<number> =>
      transaction(async (tx) => {
        const told = found.filter(({ finding }) => isWorthTelling(finding));
        if (how.dryRun) await writeItems(tx, how.run, told);
        if (how.dryRun) return 0;
        if (how.adoptions.length > 0) await adopt(tx, compared.site, how.adoptions);
        await settleSeen(tx, compared, found);
        if (!how.marks) return 0;
        const removals = found.filter(({ finding }) => finding.do === 'remove');
        if (removals.length > 0 && how.onlyPlanOf === undefined) await writeItems(tx, how.run, removals);
        const differing = found.flatMap(toMark);
        const marks = await wantedByPlan(tx, differing, how.onlyPlanOf);
        if (marks.length > 0) await markDue(tx, compared.audience, marks, 'bulk', how.run);
        if (marks.length > 0) await noteStates(tx, compared, marks);
        return differing.length - marks.length;
      }),
  };
}

interface ObservedRow {
  seen_state: ListState | null;
  seen_date: string;
  seen_name: string;
  seen_fields: Record<string, string>;
  seen_at: Date;
}

function toCompared(row: PlannableRow & ObservedRow & { known: boolean }): ComparedContact {
  const observation: Observation | undefined =
    row.seen_state === null
      ? undefined
      : {
          state: row.seen_state,
          stateDate: row.seen_date,
          name: row.seen_name,
          fields: row.seen_fields,
          observedAt: row.seen_at,
        };
  return {
    ...toTaken(row),
    known: row.known,
    waits: row.due_at !== null || row.under_way === true,
    settledAt: orUndefined(row.settled_at),
    settledOutcome: orUndefined(row.settled_outcome),
    differsKey: orUndefined(row.differs_key),
    observation,
  };
}

/**
 * The members as they would be once a dry run's reading were applied: those it read, and those it did not read as long as only
 * one walk missed them.
 */
const plannedMembers = (site: string, run: string): Prisma.Sql => Prisma.sql`(
  SELECT ${site}::text AS site, p.member_id, p.email, p.address, p.name, p.status, p.labels, p.email_enabled, p.suppressed, p.signed_up_at,
    CASE WHEN m.email IS NULL OR (m.email, m.name, m.status, m.labels, m.email_enabled) IS DISTINCT FROM (p.email, p.name, p.status, p.labels, p.email_enabled)
      THEN p.as_of ELSE m.changed_at END AS changed_at,
    m.added_at, CASE WHEN m.status <> p.status THEN m.status ELSE m.previous_status END AS previous_status,
    CASE WHEN m.status <> p.status THEN p.as_of ELSE m.status_changed_at END AS status_changed_at,
    m.deleted_at
  FROM planned_members p LEFT JOIN members m ON m.site = ${site} AND m.member_id = p.member_id WHERE p.run_id = ${run}::uuid
  UNION ALL
  SELECT m.site, m.member_id, m.email, m.address, m.name, m.status, m.labels, m.email_enabled, m.suppressed, m.signed_up_at, m.changed_at,
    m.added_at, m.previous_status, m.status_changed_at,
    CASE WHEN m.missing_run IS NOT NULL AND (SELECT complete FROM sync_runs WHERE id = ${run}::uuid) THEN coalesce(m.deleted_at, now()) ELSE m.deleted_at END
  FROM members m WHERE m.site = ${site} AND NOT EXISTS (SELECT FROM planned_members p WHERE p.run_id = ${run}::uuid AND p.member_id = m.member_id)
)`;

/** Those who are as they should be are only counted. */
const isWorthTelling = (finding: Finding): boolean => finding.do !== 'leave' || finding.why !== 'no-change';

async function writeItems(tx: Queries, run: string, found: readonly Found[]): Promise<void> {
  const rows = found.map(({ address, finding }) => ({
    address,
    memberId: finding.memberId,
    action: finding.do,
    why: 'why' in finding ? finding.why : undefined,
    hash: 'hash' in finding ? finding.hash : undefined,
    from: 'from' in finding ? finding.from : undefined,
    changes: 'changes' in finding && finding.changes.length > 0 ? finding.changes : undefined,
  }));
  if (rows.length === 0) return;
  await tx.execute`
    INSERT INTO plan_items (run_id, address, member_id, action, why, hash, "from", changes)
    SELECT ${run}::uuid, address, "memberId", action, why, hash, "from", changes FROM jsonb_to_recordset(${asJson(rows)})
      AS g(address text, "memberId" text, action text, why text, hash text, "from" text, changes jsonb)
    ON CONFLICT (run_id, address) DO NOTHING`;
}

function toMark({ address, finding }: Found): (DueMark & { planHash: string })[] {
  if (finding.do === 'leave' || finding.do === 'remove') return [];
  const differsKey = 'differsKey' in finding ? finding.differsKey : undefined;
  return [{ address, resend: true, differsKey, planHash: finding.hash }];
}

/** Of an applied plan only what it means still goes, and only as long as that stays so; otherwise whatever was found does. */
async function wantedByPlan(
  tx: Queries,
  marks: readonly (DueMark & { planHash: string })[],
  plan: string | undefined,
): Promise<DueMark[]> {
  if (plan === undefined) return marks.map(({ planHash: _, ...mark }) => mark);
  const rows = await tx.query<{ address: string; hash: string }[]>`
    SELECT address, hash FROM plan_items
    WHERE run_id = ${plan}::uuid AND action IN ('add', 'update', 'move') AND address = ANY(${marks.map(({ address }) => address)})`;
  const planned = new Map(rows.map(({ address, hash }) => [address, hash]));
  return marks.filter(({ address, planHash }) => planned.get(address) === planHash);
}

/** Contacts that were seen to be settled already need no push. */
async function settleSeen(tx: Queries, { audience }: Compared, found: readonly Found[]): Promise<void> {
  const rows = found.flatMap(({ address, version, finding }) =>
    finding.do === 'leave' && finding.settle && finding.memberId !== undefined
      ? [{ address, version, memberId: finding.memberId, ...finding.settle }]
      : [],
  );
  if (rows.length === 0) return;
  await tx.execute`
    WITH settled AS (
      INSERT INTO contacts (audience, address, version, settled_hash, settled_outcome, settled_at, settled_member_id, list_state, list_state_at)
      SELECT ${audience}, g.address, g.version, g.hash, g.outcome, now(), g."memberId", g."listState", now()
      FROM jsonb_to_recordset(${asJson(rows)}) AS g(address text, version int, "memberId" text, outcome text, hash text, "listState" text)
      ON CONFLICT (audience, address) DO UPDATE SET settled_hash = EXCLUDED.settled_hash, settled_outcome = EXCLUDED.settled_outcome,
        settled_at = EXCLUDED.settled_at, differs_key = NULL, list_state = coalesce(EXCLUDED.list_state, contacts.list_state),
        settled_member_id = CASE WHEN EXCLUDED.settled_outcome = 'opted-out'
          THEN coalesce(contacts.settled_member_id, EXCLUDED.settled_member_id) ELSE EXCLUDED.settled_member_id END
      WHERE contacts.due_at IS NULL AND contacts.under_way_until IS NULL AND contacts.version = EXCLUDED.version
      RETURNING address, settled_member_id, settled_outcome, settled_hash
    )
    INSERT INTO pushes (audience, address, member_id, operation, outcome, hash)
    SELECT ${audience}, address, settled_member_id, 'none', settled_outcome, settled_hash FROM settled`;
}

/** Contacts that are new to us but were seen on the list are no additions. */
async function noteStates(tx: Queries, { audience, readBy }: Compared, marks: readonly DueMark[]): Promise<void> {
  await tx.execute`
    UPDATE contacts c SET list_state = o.state, list_state_at = o.observed_at FROM observations o
    WHERE o.run_id = ${readBy}::uuid AND o.address = ANY(${marks.map(({ address }) => address)})
      AND c.audience = ${audience} AND c.address = o.address AND c.list_state IS NULL AND c.under_way_until IS NULL`;
}

/** What an earlier tool wrote to the list becomes history: transitions found by `list`. */
async function adopt(tx: Queries, site: string, adoptions: readonly Adoption[]): Promise<void> {
  const ids = adoptions.map(({ memberId }) => memberId);
  const histories = await historiesOf(tx, site, ids);
  const members = adoptions.map(({ memberId, transition }) => {
    const before = histories.get(memberId) ?? [];
    return { memberId, before: { history: before }, state: { history: mergeStatusHistory(before, [transition]) } };
  });
  await writeHistories(tx, site, members);
  await tx.execute`
    UPDATE members m SET previous_status = l."from", status_changed_at = l.at
    FROM (SELECT DISTINCT ON (member_id) member_id, "from", at FROM status_transitions
          WHERE site = ${site} AND member_id = ANY(${ids}) AND "from" IS NOT NULL ORDER BY member_id, at DESC, id DESC) l
    WHERE m.site = ${site} AND m.member_id = l.member_id`;
}
