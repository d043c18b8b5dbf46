import type { Database, Queries } from './database.js';

/** What became of the wish to remove an address: allowed, beyond the budget, or no longer wanted. */
export type RemovalIntent = 'allowed' | 'held' | 'stale';

/** How many people may be taken off an audience in 24 hours without approval. */
export interface RemovalBudget {
  /** At least this many. */
  people: number;
  /** Or this share of the active ones, whichever is larger; 0 to 1. */
  share: number;
}

/** Intents to remove: each draws once on the audience's budget (house decision 17). */
export function createRemovals({ sql, transaction }: Database) {
  return {
    /**
     * Commits the intent to remove an address, drawing on the budget of the last 24 hours, unless it was released by hand
     * or drawn before. `stale`: the contact changed since the writer took it. Beyond the budget it is held and shown.
     */
    intend: (
      intent: {
        audience: string;
        generation: number;
        address: string;
        version: number;
        memberId?: string | undefined;
        reason: string;
        released: boolean;
      },
      budget: RemovalBudget,
    ): Promise<RemovalIntent> =>
      transaction(async (tx) => {
        const { audience, address, version } = intent;
        // one at a time an audience: two intents cannot draw on the same last place
        const [audienceRow] = await tx.query<{ active: number | null }[]>`
          SELECT active_subscribers AS active FROM audiences
          WHERE audience = ${audience} AND generation = ${intent.generation} FOR UPDATE`;
        const current = await tx.query<unknown[]>`
          SELECT 1 FROM contacts WHERE audience = ${audience} AND address = ${address} AND version = ${version} FOR UPDATE`;
        if (!audienceRow || current.length === 0) return 'stale';
        const open = await tx.query<unknown[]>`
          SELECT 1 FROM removals WHERE audience = ${audience} AND address = ${address} AND done_at IS NULL AND void_at IS NULL`;
        if (open.length > 0) return 'allowed';
        if (!intent.released && (await drawn(tx, audience)) >= budgetOf(budget, audienceRow.active ?? 0)) {
          await tx.execute`
            INSERT INTO holds (audience, address, member_id, kind, reason)
            VALUES (${audience}, ${address}, ${intent.memberId}, 'removal', ${intent.reason})
            ON CONFLICT (audience, address, kind) DO NOTHING`;
          return 'held';
        }
        await tx.execute`
          INSERT INTO removals (audience, address, member_id, reason, released)
          VALUES (${audience}, ${address}, ${intent.memberId}, ${intent.reason}, ${intent.released})`;
        return 'allowed';
      }),

    /** How many removals the budget still allows within these 24 hours. */
    remaining: (audience: string, budget: RemovalBudget): Promise<number> =>
      transaction(async (tx) => {
        const [row] = await tx.query<{ active: number | null }[]>`
          SELECT active_subscribers AS active FROM audiences WHERE audience = ${audience}`;
        return Math.max(0, budgetOf(budget, row?.active ?? 0) - (await drawn(tx, audience)));
      }),

    /** The removal was carried out; `listDate` is the list's own date of the state that it left. */
    async complete(
      audience: string,
      address: string,
      listDate: string | undefined,
      state: 'Deleted' | 'Unsubscribed' = 'Deleted',
    ): Promise<void> {
      // together with the state, so that our own removal is never taken for somebody else's
      await sql.execute`
        WITH done AS (
          UPDATE removals SET done_at = now(), list_date = ${listDate}
          WHERE audience = ${audience} AND address = ${address} AND done_at IS NULL AND void_at IS NULL
        )
        UPDATE contacts SET list_state = ${state}, list_state_at = now() WHERE audience = ${audience} AND address = ${address}`;
    },

    /** The removal turned out to be unnecessary or unwanted. */
    async void(audience: string, address: string): Promise<void> {
      await sql.execute`
        UPDATE removals SET void_at = now()
        WHERE audience = ${audience} AND address = ${address} AND done_at IS NULL AND void_at IS NULL`;
    },
  };
}

const budgetOf = ({ people, share }: RemovalBudget, active: number): number =>
  Math.max(people, Math.floor(active * share));

/** How much of the budget the last 24 hours used; unknown outcomes count, released ones do not. */
async function drawn(tx: Queries, audience: string): Promise<number> {
  const [row] = await tx.query<[{ count: number }]>`
    SELECT count(*)::int AS count FROM removals
    WHERE audience = ${audience} AND drawn_at > now() - interval '24 hours' AND NOT released AND void_at IS NULL`;
  return row.count;
}
