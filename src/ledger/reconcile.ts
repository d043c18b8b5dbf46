import type { ComparedContact, Finding, Observation } from '../domain/compare-contact.js';
import type { ListState } from '../domain/plan-contact.js';
import { mergeStatusHistory, type StatusTransition } from '../domain/status-history.js';
import { Prisma } from './client/client.js';
import { type DueMark, markDue, type PlannableRow, plannable, takeUp, toTaken } from './contacts.js';
import { asJson, type Database, orUndefined, type Queries } from './database.js';
import { historiesOf, writeHistories } from './member-rows.js';
import type { People } from './people.js';

/** What is compared: an audience with its people, and whose reading of both sides. */
export interface Compared {
  audience: string;
  people: People;
  /** The run whose reading back counts; undefined: the ledger alone is looked at. */
  readBy?: string | undefined;
  /** The run whose members of a site count in place of the ledger's: a dry run. */
  plannedBy?: string | undefined;
  /** Largest member id that counts, or largest address. */
  untilId?: string | undefined;
  untilAddress?: string | undefined;
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
    async addresses({ people, audience, ...by }: Compared, after: string, limit: number): Promise<string[]> {
      const page = (rows: Prisma.Sql): Prisma.Sql => Prisma.sql`(${rows} ORDER BY address LIMIT ${limit})`;
      const living = Prisma.sql`SELECT address FROM ${people.byAddress} m WHERE address > ${after} AND deleted_at IS NULL`;
      const until = by.untilId === undefined ? Prisma.empty : Prisma.sql`AND member_id <= ${by.untilId}`;
      const planned = Prisma.sql`SELECT address FROM planned_members WHERE run_id = ${by.plannedBy}::uuid AND address > ${after}`;
      const members = by.plannedBy === undefined ? page(Prisma.sql`${living} ${until}`) : Prisma.sql`${page(planned)}`;
      const others = Prisma.sql`
        UNION ${page(living)}
        UNION ${page(Prisma.sql`SELECT address FROM contacts WHERE audience = ${audience} AND address > ${after}`)}
        UNION ${page(Prisma.sql`SELECT address FROM observations WHERE run_id = ${by.readBy}::uuid AND address > ${after}`)}`;
      const rows = await sql.query<{ address: string }[]>`
        SELECT address FROM (${members} ${by.untilId === undefined ? others : Prisma.empty}) AS a
        WHERE ${by.untilAddress}::text IS NULL OR address <= ${by.untilAddress} ORDER BY address LIMIT ${limit}`;
      return rows.map(({ address }) => address);
    },

    /** Addresses that are on the list as far as we know though nobody who should be there holds them. */
    async strays(
      { people, audience }: Pick<Compared, 'people' | 'audience'>,
      removesDisabled: boolean,
      after: string,
      limit: number,
    ): Promise<string[]> {
      const rows = await sql.query<{ address: string }[]>`
        SELECT c.address FROM contacts c
        WHERE c.audience = ${audience} AND c.address > ${after} AND c.list_state = 'Active' AND c.due_at IS NULL
          AND c.settled_hash IS DISTINCT FROM 'absent' AND NOT EXISTS (
            SELECT FROM members m WHERE m.site = ${people.scope} AND m.address = c.address AND m.deleted_at IS NULL
              AND (m.email_enabled OR NOT ${removesDisabled}))
        ORDER BY c.address LIMIT ${limit}`;
      return rows.map(({ address }) => address);
    },

    /** All that the rules need to compare these addresses. */
    async load(compared: Compared, addresses: readonly string[]): Promise<ComparedContact[]> {
      const { audience, readBy, plannedBy } = compared;
      const people = plannedBy === undefined ? compared.people : compared.people.planned(plannedBy);
      const contacts = Prisma.sql`
        SELECT g.address, coalesce(c.version, 0) AS version, coalesce(c.lane, 1) AS lane, coalesce(c.tries, 0) AS tries, c.batch_limit,
          c.delivered_at, c.settled_hash, c.settled_member_id, c.list_state, false AS welcome, false AS approved, NULL::text AS plan_hash,
          c.due_at, c.under_way_until, c.settled_at, c.settled_outcome, c.differs_key, coalesce(c.added_by_us, false) AS added_by_us,
          c.adding_since, false AS quiet
        FROM unnest(${[...addresses]}::text[]) AS g(address) LEFT JOIN contacts c ON c.audience = ${audience} AND c.address = g.address`;
      const rows = await sql.query<(PlannableRow & ObservedRow & { known: boolean })[]>`
        SELECT p.*, EXISTS (SELECT FROM contacts k WHERE k.audience = ${audience} AND k.address = p.address) AS known,
          o.state AS seen_state, o.state_date AS seen_date, o.name AS seen_name, o.fields AS seen_fields, o.tags AS seen_tags, o.observed_at AS seen_at
        FROM (${plannable(audience, people, contacts)}) p
        -- one by one: a plan made while there are few would go through all of them for each
        LEFT JOIN LATERAL (SELECT * FROM observations s WHERE s.run_id = ${readBy}::uuid AND s.address = p.address LIMIT 1) o ON true`;
      return rows.map((row) => toCompared(row, people));
    },

    /** What was marked to be taken up together is due. */
    takeUp: (audience: string): Promise<void> => takeUp(sql, audience),

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
        /** Nobody's tags start automations. */
        quiet?: boolean;
        /** They are taken up together by `takeUp`; by themselves an hour later, should the run be lost. */
        together?: boolean;
        adoptions: readonly Adoption[];
      },
    ): Promise<number> =>
      transaction(async (tx) => {
        const told = found.filter(({ finding }) => isWorthTelling(finding));
        if (how.dryRun) await writeItems(tx, how.run, told);
        if (how.dryRun) return 0;
        if (how.adoptions.length > 0) await adopt(tx, compared.people.scope, how.adoptions);
        await settleSeen(tx, compared, found);
        if (!how.marks) return 0;
        const removals = found.filter(({ finding }) => finding.do === 'remove');
        if (removals.length > 0 && how.onlyPlanOf === undefined) await writeItems(tx, how.run, removals);
        const differing = found.flatMap(toMark);
        const marks = await wantedByPlan(tx, differing, how.onlyPlanOf);
        if (marks.length > 0)
          await markDue(
            tx,
            compared.audience,
            how.quiet ? marks.map((mark) => ({ ...mark, quiet: true })) : marks,
            'bulk',
            how.run,
            how.together ? TOGETHER_SECONDS : 0,
          );
        if (marks.length > 0) await noteStates(tx, compared, marks);
        return differing.length - marks.length;
      }),
  };
}

/** Should a run be lost that marked people to be taken up together, they are due by themselves after this long. */
const TOGETHER_SECONDS = 3_600;

interface ObservedRow {
  seen_state: ListState | null;
  seen_date: string;
  seen_name: string;
  seen_fields: Record<string, string>;
  seen_tags: string[];
  seen_at: Date;
}

function toCompared(row: PlannableRow & ObservedRow & { known: boolean }, people: People): ComparedContact {
  const observation: Observation | undefined =
    row.seen_state === null
      ? undefined
      : {
          state: row.seen_state,
          stateDate: row.seen_date,
          name: row.seen_name,
          fields: row.seen_fields,
          tags: row.seen_tags,
          observedAt: row.seen_at,
        };
  return {
    ...toTaken(row, people),
    known: row.known,
    waits: row.due_at !== null || row.under_way === true,
    settledAt: orUndefined(row.settled_at),
    settledOutcome: orUndefined(row.settled_outcome),
    differsKey: orUndefined(row.differs_key),
    observation,
  };
}

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
        settled_at = EXCLUDED.settled_at, settled_reason = NULL, differs_key = NULL, list_state = coalesce(EXCLUDED.list_state, contacts.list_state),
        settled_member_id = CASE WHEN EXCLUDED.settled_outcome = 'opted-out'
          THEN coalesce(contacts.settled_member_id, EXCLUDED.settled_member_id) ELSE EXCLUDED.settled_member_id END
      WHERE contacts.due_at IS NULL AND (contacts.under_way_until IS NULL OR contacts.under_way_until < now()) AND contacts.version = EXCLUDED.version
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
      AND c.audience = ${audience} AND c.address = o.address AND c.list_state IS NULL AND (c.under_way_until IS NULL OR c.under_way_until < now())`;
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
