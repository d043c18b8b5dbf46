import type { MemberState } from '../domain/apply-deliveries.js';
import { groupBy } from '../domain/group-by.js';
import { addressOf } from '../domain/member.js';
import { type FoundBy, lastTransition, type StatusTransition } from '../domain/status-history.js';
import { asJson, orUndefined, type Queries } from './database.js';

/** A member as the ledger holds it. */
export interface MemberRow {
  member_id: string;
  email: string | null;
  name: string | null;
  status: string | null;
  labels: string[];
  email_enabled: boolean | null;
  suppressed: boolean;
  signed_up_at: Date | null;
  deleted_at: Date | null;
  observed_at: Date | null;
  read_at: Date | null;
  signed_at: Date | null;
  changed_at: Date | null;
  added_at: Date | null;
  suspected_gone_at: Date | null;
  leased: boolean;
  lease_token: string | null;
  parked: boolean;
}

/** Creates the rows that are missing and locks all of them until the transaction ends. */
export async function lockMembers(
  tx: Queries,
  site: string,
  memberIds: readonly string[],
): Promise<Map<string, MemberRow>> {
  const ids = memberIds.toSorted();
  // the update that changes nothing locks the rows, in one order for everybody
  const rows = await tx.query<MemberRow[]>`
    INSERT INTO members (site, member_id) SELECT ${site}, id FROM unnest(${ids}::text[]) AS id ORDER BY id
    ON CONFLICT (site, member_id) DO UPDATE SET site = members.site
    RETURNING member_id, email, name, status, labels, email_enabled, suppressed, signed_up_at, deleted_at, observed_at, read_at,
      signed_at, changed_at, added_at, suspected_gone_at, lease_token, coalesce(lease_until > now(), false) AS leased,
      EXISTS (SELECT FROM parked p WHERE p.site = members.site AND p.member_id = members.member_id) AS parked`;
  return new Map(rows.map((row) => [row.member_id, row]));
}

/** Status histories in order of time. */
export async function historiesOf(tx: Queries, site: string, ids: string[]): Promise<Map<string, StatusTransition[]>> {
  const rows = await tx.query<
    { member_id: string; from: string | null; to: string; at: Date; found_by: FoundBy; from_seen: boolean }[]
  >`
    SELECT member_id, "from", "to", at, found_by, from_seen FROM status_transitions
    WHERE site = ${site} AND member_id = ANY(${ids}) ORDER BY at, id`;
  const grouped = groupBy(rows, ({ member_id }) => member_id);
  return new Map(
    [...grouped].map(([id, list]) => [
      id,
      list.map(({ from, to, at, found_by, from_seen }) => ({
        from,
        status: to,
        at,
        foundBy: found_by,
        before: from_seen && from !== null ? from : undefined,
      })),
    ]),
  );
}

/** A row and its history as the rules need them. */
export function stateOf(row: MemberRow, history: StatusTransition[]): MemberState {
  const facts =
    row.email === null
      ? undefined
      : {
          email: row.email,
          name: row.name,
          status: row.status ?? 'free',
          labels: row.labels,
          emailEnabled: row.email_enabled ?? false,
          suppressed: row.suppressed,
          signedUpAt: row.signed_up_at ?? new Date(0),
        };
  return {
    facts,
    deletedAt: orUndefined(row.deleted_at),
    observedAt: orUndefined(row.observed_at),
    readAt: orUndefined(row.read_at),
    signedAt: orUndefined(row.signed_at),
    changedAt: orUndefined(row.changed_at),
    addedAt: orUndefined(row.added_at),
    suspectedGoneAt: orUndefined(row.suspected_gone_at),
    history,
  };
}

/** Writes the next states of members, and gives their leases back. */
export async function writeMembers(
  tx: Queries,
  site: string,
  members: readonly { memberId: string; state: MemberState }[],
): Promise<void> {
  const rows = members.map(({ memberId, state: { facts, history, ...times } }) => {
    const last = lastTransition(history);
    return {
      memberId,
      ...facts,
      address: facts && addressOf(facts.email),
      ...times,
      previousStatus: last?.from,
      statusChangedAt: last?.at,
    };
  });
  await tx.execute`
    UPDATE members m SET
      email = g.email, address = g.address, name = g.name, status = g.status,
      labels = coalesce(ARRAY(SELECT jsonb_array_elements_text(g.labels)), '{}'),
      email_enabled = g."emailEnabled", suppressed = coalesce(g.suppressed, false), signed_up_at = g."signedUpAt",
      deleted_at = g."deletedAt", observed_at = g."observedAt", read_at = g."readAt", signed_at = g."signedAt",
      changed_at = g."changedAt", added_at = g."addedAt", suspected_gone_at = g."suspectedGoneAt",
      previous_status = g."previousStatus", status_changed_at = g."statusChangedAt",
      missing_run = CASE WHEN g."suspectedGoneAt" IS NOT NULL THEN m.missing_run END,
      lease_token = NULL, lease_until = NULL, read_tries = 0
    FROM jsonb_to_recordset(${asJson(rows)}) AS g(
      "memberId" text, email text, address text, name text, status text, labels jsonb, "emailEnabled" boolean, suppressed boolean,
      "signedUpAt" timestamptz, "deletedAt" timestamptz, "observedAt" timestamptz, "readAt" timestamptz, "signedAt" timestamptz,
      "changedAt" timestamptz, "addedAt" timestamptz, "suspectedGoneAt" timestamptz, "previousStatus" text, "statusChangedAt" timestamptz)
    WHERE m.site = ${site} AND m.member_id = g."memberId"`;
}

/** Mostly a new transition follows the ones before; where a late fact changed older ones, the member's rows are laid anew. */
export async function writeHistories(
  tx: Queries,
  site: string,
  members: readonly { memberId: string; before: MemberState; state: MemberState }[],
): Promise<void> {
  const same = (a: StatusTransition, b: StatusTransition | undefined): boolean =>
    b !== undefined && a.from === b.from && a.status === b.status && a.at.getTime() === b.at.getTime();
  const rewritten: string[] = [];
  const added: object[] = [];
  for (const { memberId, before, state } of members) {
    const extended = before.history.every((transition, index) => same(transition, state.history[index]));
    if (!extended) rewritten.push(memberId);
    for (const { from, status, at, foundBy, before: told } of state.history.slice(
      extended ? before.history.length : 0,
    )) {
      added.push({ memberId, from, to: status, at, foundBy, fromSeen: told !== undefined });
    }
  }
  if (rewritten.length > 0) {
    await tx.execute`DELETE FROM status_transitions WHERE site = ${site} AND member_id = ANY(${rewritten})`;
  }
  if (added.length > 0) {
    await tx.execute`
      INSERT INTO status_transitions (site, member_id, "from", "to", at, found_by, from_seen)
      SELECT ${site}, "memberId", "from", "to", at, "foundBy", "fromSeen" FROM jsonb_to_recordset(${asJson(added)})
        AS g("memberId" text, "from" text, "to" text, at timestamptz, "foundBy" text, "fromSeen" boolean)
      ON CONFLICT (site, member_id, at, "to") DO NOTHING`;
  }
}
