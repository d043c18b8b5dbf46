import type { z } from 'zod';
import { VendorError } from '../errors.js';
import { createHttp, type HttpAnswer, type HttpOptions } from '../http.js';
import {
  clientListsSchema,
  clientsSchema,
  customFieldsSchema,
  errorAnswerSchema,
  type ImportResult,
  type ImportSubscriber,
  importResultSchema,
  listSchema,
  type Subscriber,
  statsSchema,
  subscriberSchema,
  subscribersPageSchema,
  suppressionPageSchema,
} from './schema.js';

/** Where Campaign Monitor is and how to open it. */
export interface CampaignMonitorOptions extends HttpOptions {
  /** Base URL with version, e.g. `https://api.createsend.com/api/v3.3`. */
  url: string;
  apiKey: string;
}

/** The part of Campaign Monitor's API that we use; one method an endpoint. */
export type CampaignMonitorClient = ReturnType<typeof createCampaignMonitorClient>;

/** The states that a list is read by, one after another. */
export type ListPageState = 'active' | 'unconfirmed' | 'unsubscribed' | 'bounced' | 'deleted';

/** The vendor's codes that we act on (vendors' notes, section 2). */
export const Code = {
  InvalidEmail: 1,
  NewAddressTaken: 201,
  NotInList: 203,
  Suppressed: 204,
  Deleted: 205,
  Unsubscribed: 206,
  Bounced: 207,
  Unconfirmed: 208,
  PartialImport: 210,
  InvalidNewEmail: 211,
  FieldNameTaken: 255,
} as const;

/** Codes that say the key, the list or the client is wrong, whatever the status. */
const REFUSED_CODES = new Set([50, 60, 100, 101, 102, 120, 121, 122, 403, 404]);

const ABSENT_CODES: ReadonlySet<unknown> = new Set([Code.NotInList, Code.InvalidEmail]);

/** A client of Campaign Monitor with one key. All methods throw `VendorError`. */
export function createCampaignMonitorClient({ url, apiKey, ...options }: CampaignMonitorOptions) {
  const http = createHttp('campaign-monitor', options);
  const base = url.replace(/\/+$/, '');
  const authorization = `Basic ${Buffer.from(`${apiKey}:x`).toString('base64')}`;

  const call = async (
    operation: string,
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<HttpAnswer> => {
    const answer = await http({ operation, method, url: `${base}${path}`, headers: { authorization }, body });
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw refusal(operation, answer);
  };
  const read = async <T>(operation: string, path: string, schema: z.ZodType<T>): Promise<T> =>
    understood(operation, schema, await call(operation, 'GET', path));
  const readPage = async <T extends { PageNumber?: number | null | undefined }>(
    operation: string,
    path: string,
    page: number,
    schema: z.ZodType<T>,
  ): Promise<T> => {
    const query = `page=${page}&pagesize=1000&orderfield=email&orderdirection=asc`;
    const found = await read(operation, `${path}.json?${query}`, schema);
    if ((found.PageNumber ?? page) !== page) throw notItsOwn(operation, 200, 'PAGE_REPEATS');
    return found;
  };
  const subscriber = (listId: string, email: string): string =>
    `/subscribers/${listId}.json?email=${encodeURIComponent(email)}`;

  return {
    /** Upserts up to 1,000; those not named in `FailureDetails` are stored, also when the answer is code 210. */
    async importSubscribers(
      listId: string,
      subscribers: readonly ImportSubscriber[],
      flags: { resubscribe: boolean; queueAutoresponders: boolean },
    ): Promise<ImportResult> {
      const body = {
        Subscribers: subscribers,
        Resubscribe: flags.resubscribe,
        QueueSubscriptionBasedAutoResponders: flags.queueAutoresponders,
        RestartSubscriptionBasedAutoresponders: false,
      };
      try {
        return understood(
          'subscribers.import',
          importResultSchema,
          await call('subscribers.import', 'POST', `/subscribers/${listId}/import.json`, body),
        );
      } catch (error) {
        if (!(error instanceof VendorError) || error.details.code !== Code.PartialImport) throw error;
        const { ResultData: json } = errorAnswerSchema.parse(error.details.body);
        return understood('subscribers.import', importResultSchema, { status: 400, json });
      }
    },

    /** One subscriber in whatever state; undefined when it is not on the list. */
    async readSubscriber(listId: string, email: string): Promise<Subscriber | undefined> {
      try {
        return await read('subscribers.read', subscriber(listId, email), subscriberSchema);
      } catch (error) {
        // an address that it cannot even hold (not ASCII, say) is not on the list either
        if (error instanceof VendorError && ABSENT_CODES.has(error.details.code)) return undefined;
        throw error;
      }
    },

    /** Changes fields and, if it differs, the address. Never creates, never changes the state. */
    async updateSubscriber(listId: string, email: string, changed: ImportSubscriber): Promise<void> {
      await call('subscribers.update', 'PUT', subscriber(listId, email), { ...changed, Resubscribe: false });
    },

    /** Sets the state to Deleted; never unsubscribes, which would take the person off other lists too. */
    async deleteSubscriber(listId: string, email: string): Promise<void> {
      await call('subscribers.delete', 'DELETE', subscriber(listId, email));
    },

    /** One page of up to 1,000 subscribers in one state, by address; pages are counted from 1 and there may be none. */
    readListPage: (listId: string, state: ListPageState, page: number) =>
      readPage('lists.page', `/lists/${listId}/${state}`, page, subscribersPageSchema),

    /** One page of a client's suppression list, by address. */
    readSuppressionPage: (clientId: string, page: number) =>
      readPage('clients.suppressionlist', `/clients/${clientId}/suppressionlist`, page, suppressionPageSchema),

    /** The client that owns a list, if the key shows it; never reads a client itself, whose answer holds a live key. */
    async findClientOf(listId: string): Promise<string | undefined> {
      for (const { ClientID } of await read('clients.read', '/clients.json', clientsSchema)) {
        const lists = await read('clients.lists', `/clients/${ClientID}/lists.json`, clientListsSchema);
        if (lists.some(({ ListID }) => ListID.toLowerCase() === listId.toLowerCase())) return ClientID;
      }
      return undefined;
    },

    /** Settings of a list. */
    readList: (listId: string) => read('lists.read', `/lists/${listId}.json`, listSchema),

    /** Counts of a list. */
    readStats: (listId: string) => read('lists.stats', `/lists/${listId}/stats.json`, statsSchema),

    /** Custom fields of a list. */
    readCustomFields: (listId: string) =>
      read('lists.customfields', `/lists/${listId}/customfields.json`, customFieldsSchema),

    /** Creates a custom field that nobody sees in the preference centre. */
    async createCustomField(listId: string, name: string, type: 'Text' | 'Date' | 'Number'): Promise<void> {
      const body = { FieldName: name, DataType: type, Options: [], VisibleInPreferenceCenter: false };
      await call('lists.customfields.create', 'POST', `/lists/${listId}/customfields.json`, body);
    },
  };
}

function understood<T>(
  operation: string,
  schema: z.ZodType<T>,
  { status, json }: Pick<HttpAnswer, 'status' | 'json'>,
): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw notItsOwn(operation, status);
}

/** An answer that is not the vendor's own: something else answers in its place. */
const notItsOwn = (operation: string, status: number, code?: string): VendorError =>
  new VendorError({ vendor: 'campaign-monitor', operation, kind: 'down', call: 'unknown', status, code });

/** Classifies by `Code`, not by HTTP status. */
function refusal(operation: string, { status, json }: HttpAnswer): VendorError {
  const details = { vendor: 'campaign-monitor', operation, call: 'answered', status } as const;
  const parsed = errorAnswerSchema.safeParse(json);
  if (!parsed.success)
    return new VendorError({ ...details, kind: status === 401 || status === 403 ? 'refused' : 'down' });
  const code = parsed.data.Code;
  const refused = REFUSED_CODES.has(code) || status === 401 || status === 403 || status === 404;
  return new VendorError({ ...details, kind: refused ? 'refused' : 'rejected', code, body: json });
}
