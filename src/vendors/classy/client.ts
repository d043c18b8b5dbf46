import type { Resource } from '../../contract/organization-sync.js';
import { VendorError, type VendorErrorDetails } from '../errors.js';
import { createHttp, type HttpAnswer, type HttpOptions } from '../http.js';
import { type RecordsRead, readRecords } from './records.js';
import { listAnswerSchema, organizationSchema } from './schema.js';
import { type ClassyCredentials, createTokenSource } from './token.js';
import { moment } from './values.js';

/** Where Classy is and how to open one organization of it. */
export interface ClassyOptions extends HttpOptions {
  /** Base URL, e.g. `https://api.classy.org/2.0`. */
  url: string;
  tokenUrl: string;
  credentials: ClassyCredentials;
  /** Sent with every request, e.g. an `x-integration-id` that Classy issued. */
  headers?: Readonly<Record<string, string>>;
}

/** The part of Classy's API that we use; one method an endpoint. All methods throw `VendorError`. */
export type ClassyClient = ReturnType<typeof createClassyClient>;

/** What is asked of a list. Bounds of ids are decimal text, of times `YYYY-MM-DDTHH:MM:SS+0000`. */
export interface ListQuery {
  filter?: readonly string[];
  sort: string;
}

/** One page of a list. */
export interface RecordsPage extends RecordsRead {
  /** How many records the page held, readable or not. */
  length: number;
  /** Ids of all of them that have one, in the order of the page. */
  ids: bigint[];
  /** When the source changed each of them that says so, in the order of the page. */
  updatedAts: Date[];
  /** How many the source says there are for this query; undefined where it does not say. */
  total: number | undefined;
  /** Whether there is more, as far as page and total tell. */
  hasMore: boolean;
  /** The source's clock when it answered; undefined where it does not say. */
  answeredAt: Date | undefined;
}

/** An organization that credentials open. */
export interface OpenOrganization {
  id: string;
  name: string | undefined;
  currency: string | undefined;
  timeZone: string | undefined;
}

/** Most records in one answer. */
export const PAGE_SIZE = 100;

const pathOf: Record<Resource, string> = {
  campaigns: 'campaigns',
  supporters: 'supporters',
  transactions: 'transactions',
  'recurring-plans': 'recurring-donation-plans',
};

/** A time as filters take it: whole seconds, no milliseconds. */
export const filterTime = (time: Date): string => `${time.toISOString().slice(0, 19)}+0000`;

/** Whether times go up or down; equal ones may be, since what is shown may be less exact than what is sorted by. */
export const areInOrder = (times: readonly Date[], direction: 'asc' | 'desc'): boolean =>
  times.every((time, index) => {
    const before = times[index - 1] ?? time;
    return direction === 'asc' ? before <= time : before >= time;
  });

/** Whether ids go up, all of them above `after`. */
export const areAscending = (ids: readonly bigint[], after: bigint): boolean =>
  ids.every((id, index) => id > (ids[index - 1] ?? after));

/** Whether two pages hold the same records in the same order. */
export const areSameIds = (one: readonly bigint[], other: readonly bigint[]): boolean =>
  one.length === other.length && one.every((id, index) => id === other[index]);

/** What a page that cannot be one of this query is: a cache that repeats a page would end a reading early, or never. */
export const repeatedPage = (resource: Resource): VendorError => odd(`${resource}.list`, 'PAGE_REPEATS');

/** A client of Classy for one application. */
export function createClassyClient({ url, tokenUrl, credentials, headers = {}, admit, ...options }: ClassyOptions) {
  const http = createHttp('classy', { ...options, admit });
  // asking for a token is not counted by the limit
  const tokens = createTokenSource(tokenUrl, credentials, options);
  const base = url.replace(/\/+$/, '');

  const get = async (operation: string, path: string, signal?: AbortSignal): Promise<HttpAnswer> => {
    for (let isFirst = true; ; isFirst = false) {
      const token = await tokens.current();
      const answer = await http({
        operation,
        method: 'GET',
        url: `${base}${path}`,
        headers: { ...headers, authorization: `Bearer ${token}` },
        signal,
      });
      if (answer.status === 200) return answer;
      // a token that was revoked or ran out is renewed once
      if (answer.status !== 401 || !isFirst) throw refusal(operation, answer);
      tokens.drop(token);
    }
  };

  return {
    /** A page of an organization's records, always from the query's beginning: bounds in the filter do the paging. */
    async list(
      organization: string,
      resource: Resource,
      { filter = [], sort }: ListQuery,
      signal?: AbortSignal,
    ): Promise<RecordsPage> {
      const operation = `${resource}.list`;
      const parameters = new URLSearchParams({ per_page: String(PAGE_SIZE), page: '1', sort });
      if (filter.length > 0) parameters.set('filter', filter.join(','));
      if (resource === 'transactions') parameters.set('with', 'items');
      const answer = await get(operation, `/organizations/${organization}/${pathOf[resource]}?${parameters}`, signal);
      const parsed = listAnswerSchema.safeParse(answer.json);
      if (!parsed.success) throw odd(operation, 'NOT_A_LIST');
      const { data, per_page: perPage, total } = parsed.data;
      const isFull = data.length >= Math.min(perPage ?? PAGE_SIZE, PAGE_SIZE);
      return {
        ...readRecords(resource, organization, data),
        length: data.length,
        ids: data.map(idOf).filter((id) => id !== undefined),
        updatedAts: data.map(updatedAtOf).filter((at) => at !== undefined),
        total: total ?? undefined,
        hasMore: data.length > 0 && (isFull || (total ?? 0) > data.length),
        answeredAt: dateOf(answer),
      };
    },

    /** One record; undefined when it is gone. */
    async read(
      organization: string,
      resource: Resource,
      id: string,
      signal?: AbortSignal,
    ): Promise<RecordsRead | undefined> {
      const suffix = resource === 'transactions' ? '?with=items' : '';
      try {
        const answer = await get(`${resource}.read`, `/${pathOf[resource]}/${id}${suffix}`, signal);
        return readRecords(resource, organization, [answer.json]);
      } catch (error) {
        if (error instanceof VendorError && error.details.status === 404) return undefined;
        throw error;
      }
    },

    /** The organizations that the credentials open. */
    async organizations(): Promise<OpenOrganization[]> {
      const path = `/apps/${encodeURIComponent(credentials.clientId)}/organizations?per_page=${PAGE_SIZE}`;
      const { json } = await get('organizations', path);
      const parsed = listAnswerSchema.safeParse(json);
      if (!parsed.success) throw odd('organizations', 'NOT_A_LIST');
      return parsed.data.data.flatMap((entry) => {
        const one = organizationSchema.safeParse(entry);
        if (!one.success) return [];
        const { id, name, currency_code: code, currency, timezone_identifier: timeZone } = one.data;
        const money = [code, currency].find((value) => /^[A-Z]{3}$/.test(value ?? ''));
        return [{ id, name: name ?? undefined, currency: money ?? undefined, timeZone: timeZone ?? undefined }];
      });
    },

    /** Answers when Classy answers these credentials for this organization. */
    async probe(organization: string): Promise<void> {
      await get('probe', `/organizations/${organization}/campaigns?per_page=1&page=1&sort=id`);
    },
  };
}

function idOf(entry: unknown): bigint | undefined {
  const id = String((entry as { id?: unknown } | null)?.id ?? '');
  return /^\d{1,18}$/.test(id) ? BigInt(id) : undefined;
}

function updatedAtOf(entry: unknown): Date | undefined {
  const at = moment.safeParse((entry as { updated_at?: unknown } | null)?.updated_at);
  return at.success ? new Date(at.data) : undefined;
}

function dateOf({ headers }: HttpAnswer): Date | undefined {
  const ms = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(ms) ? undefined : new Date(ms);
}

const failure = (details: Omit<VendorErrorDetails, 'vendor' | 'call'>): VendorError =>
  new VendorError({ vendor: 'classy', call: 'answered', ...details });

const odd = (operation: string, code: string): VendorError => failure({ operation, kind: 'down', status: 200, code });

function refusal(operation: string, { status }: HttpAnswer): VendorError {
  if (status === 401) return failure({ operation, kind: 'refused', status, code: 'TOKEN' });
  if (status === 403) return failure({ operation, kind: 'refused', status, code: 'PERMISSION' });
  return failure({ operation, kind: status === 404 || status === 400 ? 'rejected' : 'down', status });
}
