import { addressOf } from '../domain/member.js';
import { BINDING } from '../domain/plan-contact.js';
import type { ObservedSubscriber } from '../domain/subscriber.js';
import { Prisma } from './client/client.js';
import { optInCounts } from './contacts.js';
import { asJson, type Database, type Queries } from './database.js';
import type { People } from './people.js';

/** Whose reading back of which list. */
export interface ReadingBack {
  run: string;
  audience: string;
  people: People;
}

/** What lists were seen to hold, and what the ledger concludes from it at once. */
export function createObservations({ sql, transaction }: Database) {
  return {
    /** Stores a page of a reading back, `asOf` the time before its request; a later line about an address replaces an earlier one. */
    async store(run: string, asOf: Date, subscribers: readonly ObservedSubscriber[]): Promise<void> {
      const lines = new Map<string, object>();
      for (const one of subscribers) {
        const address = addressOf(one.email);
        lines.set(address, { address, ...one });
      }
      await sql.execute`
        INSERT INTO observations (run_id, address, email, name, state, state_date, reason, fields, tags, observed_at)
        SELECT ${run}::uuid, address, email, name, state, "stateDate", reason, fields, coalesce(tags, '{}'), ${asOf}
        FROM jsonb_to_recordset(${asJson([...lines.values()])}) AS g(address text, email text, name text, state text, "stateDate" text,
          reason text, fields jsonb, tags text[])
        ON CONFLICT (run_id, address) DO UPDATE SET email = EXCLUDED.email, name = EXCLUDED.name, state = EXCLUDED.state,
          state_date = EXCLUDED.state_date, reason = EXCLUDED.reason, fields = EXCLUDED.fields,
          tags = EXCLUDED.tags, observed_at = EXCLUDED.observed_at
          -- suppression concerns who is not on the list: a state of the list's own says more
          WHERE EXCLUDED.state <> 'Suppressed'`;
    },

    /**
     * Takes over the states of these addresses: what the list says of a contact whose last call ended before, and who opted
     * out there with date and reason. Our own removals are not opt-outs.
     */
    takeOver: ({ run, audience, people }: ReadingBack, addresses: readonly string[]): Promise<void> =>
      transaction((tx) => takeOver(tx, run, audience, people, addresses)),
  };
}

async function takeOver(
  tx: Queries,
  run: string,
  audience: string,
  people: People,
  addresses: readonly string[],
): Promise<void> {
  const seen = Prisma.sql`
    SELECT o.* FROM observations o LEFT JOIN contacts c ON c.audience = ${audience} AND c.address = o.address
    WHERE o.run_id = ${run}::uuid AND o.address = ANY(${[...addresses]}) AND (c.under_way_until IS NULL OR c.under_way_until < o.observed_at)
      AND (c.settled_at IS NULL OR c.settled_at < o.observed_at) AND (c.list_state_at IS NULL OR c.list_state_at <= o.observed_at)`;
  const isOurs = Prisma.sql`EXISTS (
    SELECT FROM removals r WHERE r.audience = ${audience} AND r.address = o.address AND r.done_at IS NOT NULL
      AND o.state IN ('Deleted', 'Unsubscribed') AND r.list_date = o.state_date)`;
  await tx.execute`
    WITH seen AS MATERIALIZED (${seen}), opted_in AS (
      DELETE FROM opt_outs o USING seen s
      WHERE o.audience = ${audience} AND o.address = s.address AND s.state = 'Active' AND o.at < s.observed_at AND ${optInCounts(people)}
    ), opted_out AS (
      INSERT INTO opt_outs (audience, address, member_id, state, list_date, reason)
      SELECT DISTINCT ${audience}, o.address, who, o.state, o.state_date, o.reason
      FROM seen o LEFT JOIN contacts c ON c.audience = ${audience} AND c.address = o.address
      CROSS JOIN LATERAL unnest(ARRAY[coalesce(c.settled_member_id, ''), coalesce((SELECT m.member_id FROM ${people.byAddress} m
        WHERE m.address = o.address AND m.deleted_at IS NULL ORDER BY m.member_id DESC LIMIT 1), '')]) AS who
      WHERE o.state = ANY(${[...BINDING]}) AND NOT ${isOurs}
      ON CONFLICT (audience, address, member_id) DO UPDATE SET
        at = CASE WHEN opt_outs.state = EXCLUDED.state AND opt_outs.list_date IS NOT DISTINCT FROM EXCLUDED.list_date
          THEN opt_outs.at ELSE EXCLUDED.at END,
        state = EXCLUDED.state, list_date = EXCLUDED.list_date, reason = EXCLUDED.reason
    )
    UPDATE contacts c SET list_state = s.state, list_state_at = s.observed_at,
      -- whoever comes back after a no comes back by their own will
      added_by_us = c.added_by_us AND s.state <> ALL(${[...BINDING]})
    FROM seen s WHERE c.audience = ${audience} AND c.address = s.address`;
}
