import { memberHolder, siteRules } from '../domain/member-holder.js';
import type { AudienceRules, Holder } from '../domain/plan-contact.js';
import type { Site } from '../domain/site.js';
import { Prisma } from './client/client.js';
import { orUndefined } from './database.js';

/**
 * Whose people belong in an audience: where the ledger finds them and what they should look like there. A relation has the columns
 * member_id, address, deleted_at and observed_at.
 */
export interface People {
  /** What their runs and parked people are filed under: a site's name, or `organization/{id}`. */
  scope: string;
  rules: AudienceRules;
  /** Whether somebody whom the destination refuses waits for an operator's word; else it is an outcome like others. */
  parks: boolean;
  /** The one of this id (an expression; empty or null for nobody), living or not; `says_no`: they may not be written to. */
  byId(id: Prisma.Sql): Prisma.Sql;
  /** Those who may hold an address: of several living at one the highest id does. */
  byAddress: Prisma.Sql;
  /** Columns of `h`, a row of `byAddress`, that `toHolder` needs. */
  columns: Prisma.Sql;
  toHolder(row: Record<string, unknown>): Holder;
  /** The same people as they would be once what a dry run read were applied. */
  planned(run: string): People;
  /** A query for those of these addresses who said no, whatever was planned for them; undefined where the source does not ask. */
  withdrawn?(addresses: readonly string[]): Prisma.Sql;
  /** A query that gives a row where people of this address may be written to at this moment, whatever was planned. */
  mayStay?(address: string): Prisma.Sql;
  /** All tag names that they can have; those of others in the audience are left alone. */
  catalogue: readonly string[];
}

interface MemberColumns {
  member_id: string;
  email: string;
  name: string | null;
  status: string;
  labels: string[];
  email_enabled: boolean;
  suppressed: boolean;
  signed_up_at: Date;
  changed_at: Date | null;
  added_at: Date | null;
  previous_status: string | null;
  status_changed_at: Date | null;
}

/** The members of a site; `relation`: in place of the ledger's own, those of a plan that is being made. */
export function membersOf(site: Site, relation?: Prisma.Sql): People {
  const members = relation ?? Prisma.sql`(SELECT * FROM members WHERE site = ${site.name})`;
  return {
    scope: site.name,
    rules: siteRules(site),
    parks: true,
    byId: (id) => Prisma.sql`(SELECT m.*, false AS says_no FROM ${members} m WHERE m.member_id = ${id})`,
    byAddress: members,
    columns: Prisma.sql`h.email, h.name, h.status, h.labels, h.email_enabled, h.suppressed, h.signed_up_at, h.changed_at, h.added_at,
      h.previous_status, h.status_changed_at`,
    toHolder: (row) => toHolder(row as unknown as MemberColumns, site),
    planned: (run) => membersOf(site, plannedMembers(site.name, run)),
    catalogue: [],
  };
}

function toHolder(row: MemberColumns, site: Site): Holder {
  const { email, name, status, labels, suppressed } = row;
  const member = {
    facts: { email, name, status, labels, emailEnabled: row.email_enabled, suppressed, signedUpAt: row.signed_up_at },
    changedAt: row.changed_at ?? row.signed_up_at,
    ...(row.previous_status !== null && row.status_changed_at
      ? { lastTransition: { from: row.previous_status, at: row.status_changed_at } }
      : {}),
  };
  return memberHolder(row.member_id, member, site, orUndefined(row.added_at));
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
    m.deleted_at, m.observed_at
  FROM planned_members p LEFT JOIN members m ON m.site = ${site} AND m.member_id = p.member_id WHERE p.run_id = ${run}::uuid
  UNION ALL
  SELECT m.site, m.member_id, m.email, m.address, m.name, m.status, m.labels, m.email_enabled, m.suppressed, m.signed_up_at, m.changed_at,
    m.added_at, m.previous_status, m.status_changed_at,
    CASE WHEN m.missing_run IS NOT NULL AND (SELECT complete FROM sync_runs WHERE id = ${run}::uuid) THEN coalesce(m.deleted_at, now()) ELSE m.deleted_at END, m.observed_at
  FROM members m WHERE m.site = ${site} AND NOT EXISTS (SELECT FROM planned_members p WHERE p.run_id = ${run}::uuid AND p.member_id = m.member_id)
)`;
