import { Prisma } from '../client/client.js';
import type { Sealed } from '../credentials.js';
import { type Database, orUndefined, type Queries } from '../database.js';
import type { Pause } from '../sites.js';
import { lockOrganization, totalEverything } from './donor-totals.js';
import { scopeOf } from './supporters-as-people.js';

/** A Classy organization as the ledger holds it. */
export interface Organization {
  /** Classy's id. */
  id: string;
  name: string;
  timeZone: string;
  /** ISO 4217; undefined: gifts of every currency are added up. */
  currency: string | undefined;
  mailchimpListId: string | undefined;
  isSandbox: boolean;
  addedAt: Date;
  /** Undefined while it is configured. */
  removedAt: Date | undefined;
  pause: Pause | undefined;
  /** Undefined once removed. */
  sealed: Sealed | undefined;
}

/** What is stored of an organization when it is added or changed. */
export type OrganizationEntry = Pick<
  Organization,
  'id' | 'name' | 'timeZone' | 'currency' | 'mailchimpListId' | 'isSandbox'
> & {
  sealed: Sealed;
};

/** How many records an organization has, by table. */
export type RecordCounts = Record<'supporters' | 'campaigns' | 'transactions' | 'recurringPlans' | 'missing', number>;

const OWNED = ['transaction_items', 'transactions', 'recurring_plans', 'supporters', 'campaigns', 'donors'] as const;
const KEPT_APART = ['set_aside_records', 'source_cursors', 'organization_runs'] as const;
const OF_AUDIENCE = ['contacts', 'opt_outs', 'removals', 'holds', 'pushes', 'parked', 'audiences'] as const;
const OF_RUN = ['plan_items', 'observations'] as const;

/** Organizations: who they are, their sealed credentials, their pauses. */
export function createOrganizations({ prisma, sql, transaction }: Database) {
  type Row = NonNullable<Awaited<ReturnType<typeof prisma.organization.findUnique>>>;
  const toOrganization = (row: Row): Organization => ({
    id: String(row.id),
    name: row.name,
    timeZone: row.timeZone,
    currency: orUndefined(row.currency),
    mailchimpListId: orUndefined(row.mailchimpListId),
    isSandbox: row.sandbox,
    addedAt: row.addedAt,
    removedAt: orUndefined(row.removedAt),
    pause: row.pausedSince
      ? { since: row.pausedSince, type: row.pausedType ?? '', message: row.pausedMessage ?? '' }
      : undefined,
    sealed:
      row.credentials && row.credentialsNonce && row.credentialsKeyId
        ? { sealed: row.credentials, nonce: row.credentialsNonce, keyId: row.credentialsKeyId }
        : undefined,
  });

  return {
    /** Stores an organization, or changes the one of that id; one that was removed is configured again. */
    save: (entry: OrganizationEntry): Promise<void> =>
      transaction(async (tx) => {
        const { id, name, timeZone, currency = null, mailchimpListId = null, isSandbox, sealed } = entry;
        await lockOrganization(tx, id);
        const [before] = await tx.query<{ currency: string | null; nonce: Buffer | null }[]>`
          SELECT currency, credentials_nonce AS nonce FROM organizations WHERE id = ${id}::bigint`;
        await tx.execute`
          INSERT INTO organizations (id, name, time_zone, currency, mailchimp_list_id, sandbox, credentials, credentials_nonce, credentials_key_id)
          VALUES (${id}::bigint, ${name}, ${timeZone}, ${currency}, ${mailchimpListId}, ${isSandbox}, ${Buffer.from(sealed.sealed)}, ${Buffer.from(sealed.nonce)}, ${sealed.keyId})
          ON CONFLICT (id) DO UPDATE SET name = excluded.name, time_zone = excluded.time_zone, currency = excluded.currency,
            mailchimp_list_id = excluded.mailchimp_list_id, sandbox = excluded.sandbox, credentials = excluded.credentials,
            credentials_nonce = excluded.credentials_nonce, credentials_key_id = excluded.credentials_key_id, updated_at = now(),
            added_at = CASE WHEN organizations.removed_at IS NULL THEN organizations.added_at ELSE now() END, removed_at = NULL`;
        // other credentials are tried anew
        if (before && !before.nonce?.equals(Buffer.from(sealed.nonce)))
          await tx.execute`
            UPDATE organizations SET paused_since = NULL, paused_type = NULL, paused_message = NULL WHERE id = ${id}::bigint`;
        if (before && before.currency !== currency) await totalEverything(tx, id);
      }),

    async find(id: string): Promise<Organization | undefined> {
      const row = await prisma.organization.findUnique({ where: { id: BigInt(id) } });
      return row ? toOrganization(row) : undefined;
    },

    /** Those that are configured, by id. */
    async list(): Promise<Organization[]> {
      const rows = await prisma.organization.findMany({ where: { removedAt: null }, orderBy: { id: 'asc' } });
      return rows.map(toOrganization);
    },

    /** Forgets the credentials; the data stays. */
    async remove(id: string): Promise<void> {
      await sql.execute`
        UPDATE organizations SET removed_at = now(), credentials = NULL, credentials_nonce = NULL, credentials_key_id = NULL,
          paused_since = NULL, paused_type = NULL, paused_message = NULL
        WHERE id = ${id}::bigint AND removed_at IS NULL`;
    },

    /** Deletes an organization with everything that was read of it; of one that was made up also what became of it in its audience. */
    purge: (id: string): Promise<void> =>
      transaction(async (tx) => {
        await lockOrganization(tx, id);
        const [row] = await tx.query<
          { sandbox: boolean }[]
        >`SELECT sandbox FROM organizations WHERE id = ${id}::bigint`;
        if (row?.sandbox) await deleteAudiences(tx, id);
        await deleteAll(tx, id);
      }),

    /** Notes that Classy is down or refuses the credentials. True when this is news. */
    async pause(id: string, type: string, message: string): Promise<boolean> {
      const [row] = await sql.query<{ news: boolean }[]>`
        UPDATE organizations SET paused_since = coalesce(paused_since, now()), paused_type = ${type}, paused_message = ${message}
        WHERE id = ${id}::bigint AND (paused_type IS DISTINCT FROM ${type} OR paused_message IS DISTINCT FROM ${message})
        RETURNING paused_since = now()::timestamptz(3) AS news`;
      return row?.news ?? false;
    },

    /** Ends a pause; true when there was one. */
    async resume(id: string): Promise<boolean> {
      const resumed = await sql.execute`
        UPDATE organizations SET paused_since = NULL, paused_type = NULL, paused_message = NULL
        WHERE id = ${id}::bigint AND paused_since IS NOT NULL`;
      return resumed > 0;
    },

    /** Replaces the sealed credentials of all organizations by what `reseal` makes of them, or of none where it throws. */
    reseal: (reseal: (id: string, sealed: Sealed) => Sealed): Promise<number> =>
      transaction(async (tx) => {
        const rows = await tx.query<({ id: string } & Sealed)[]>`
          SELECT id::text, credentials AS sealed, credentials_nonce AS nonce, credentials_key_id AS "keyId"
          FROM organizations WHERE credentials IS NOT NULL ORDER BY id FOR UPDATE`;
        const renewed = rows.map(({ id, ...sealed }) => ({ id, ...reseal(id, sealed) }));
        for (const { id, sealed, nonce, keyId } of renewed)
          await tx.execute`
            UPDATE organizations SET credentials = ${Buffer.from(sealed)}, credentials_nonce = ${Buffer.from(nonce)}, credentials_key_id = ${keyId}
            WHERE id = ${id}::bigint`;
        return renewed.length;
      }),

    /** Deletes what the sandbox made up, also where it was removed, and what became of it in its audience. */
    purgeSandbox: (): Promise<void> =>
      transaction(async (tx) => {
        const made = await tx.query<{ id: string }[]>`SELECT id::text FROM organizations WHERE sandbox`;
        for (const { id } of made) {
          await lockOrganization(tx, id);
          await deleteAudiences(tx, id);
          await deleteAll(tx, id);
        }
      }),

    /** How many records are there. */
    async counts(id: string): Promise<RecordCounts> {
      const [row] = await sql.query<[RecordCounts]>`
        SELECT (SELECT count(*)::int FROM supporters WHERE organization_id = o.id) AS supporters,
          (SELECT count(*)::int FROM campaigns WHERE organization_id = o.id) AS campaigns,
          (SELECT count(*)::int FROM transactions WHERE organization_id = o.id) AS transactions,
          (SELECT count(*)::int FROM recurring_plans WHERE organization_id = o.id) AS "recurringPlans",
          (SELECT count(*)::int FROM (
            SELECT id FROM supporters WHERE organization_id = o.id AND missing_since IS NOT NULL
            UNION ALL SELECT id FROM campaigns WHERE organization_id = o.id AND missing_since IS NOT NULL
            UNION ALL SELECT id FROM transactions WHERE organization_id = o.id AND missing_since IS NOT NULL
            UNION ALL SELECT id FROM recurring_plans WHERE organization_id = o.id AND missing_since IS NOT NULL) gone) AS missing
        FROM (SELECT ${id}::bigint AS id) o`;
      return row;
    },
  };
}

async function deleteAll(tx: Queries, id: string): Promise<void> {
  for (const table of [...OWNED, ...KEPT_APART])
    await tx.execute`DELETE FROM ${Prisma.raw(table)} WHERE organization_id = ${id}::bigint`;
  await tx.execute`DELETE FROM organizations WHERE id = ${id}::bigint`;
}

/** Everything about the audiences of an organization: what is there belongs to nobody then. */
async function deleteAudiences(tx: Queries, id: string): Promise<void> {
  for (const table of OF_RUN)
    await tx.execute`
      DELETE FROM ${Prisma.raw(table)} WHERE run_id IN (SELECT r.id FROM sync_runs r WHERE r.site = ${scopeOf(id)})`;
  await tx.execute`DELETE FROM sync_runs WHERE site = ${scopeOf(id)}`;
  const rows = await tx.query<{ audience: string }[]>`
    SELECT audience FROM audiences WHERE organization_id = ${id}::bigint`;
  const audiences = rows.map(({ audience }) => audience);
  for (const table of OF_AUDIENCE)
    await tx.execute`DELETE FROM ${Prisma.raw(table)} WHERE audience = ANY(${audiences})`;
}
