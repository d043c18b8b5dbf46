import { createHmac } from 'node:crypto';
import type { z } from 'zod';
import { VendorError } from '../errors.js';
import { createHttp, type HttpAnswer, type HttpOptions } from '../http.js';
import {
  errorAnswerSchema,
  type GhostMember,
  memberSchema,
  membersAnswerSchema,
  membersPageSchema,
  siteAnswerSchema,
} from './schema.js';

/** Where a Ghost's Admin API is and how to open it. */
export interface GhostOptions extends HttpOptions {
  /** Admin domain, with its subdirectory if it has one. */
  url: string;
  /** `{24 hex}:{64 hex}` of a custom integration. */
  adminApiKey: string;
}

/** The part of Ghost's Admin API that we use; one method an endpoint. */
export type GhostClient = ReturnType<typeof createGhostClient>;

/** Members read in bulk. */
export interface MembersPage {
  members: GhostMember[];
  /** Ids of those that are there but cannot be read as a member. */
  unreadable: string[];
}

/** Most members in one answer: Ghost cuts off the rest without a word. */
export const MEMBERS_PAGE_SIZE = 100;

const LOWEST_ID = '0'.repeat(24);

/** Lifetime of a token; Ghost accepts up to five minutes from `iat`. */
const TOKEN_SECONDS = 240;

/** A client of one Ghost. All methods throw `VendorError`. */
export function createGhostClient({ url, adminApiKey, ...options }: GhostOptions) {
  const http = createHttp('ghost', options);
  const base = `${url.replace(/\/+$/, '')}/ghost/api/admin`;

  const get = async <T>(operation: string, path: string, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T> => {
    const headers = { authorization: `Ghost ${adminToken(adminApiKey)}`, 'accept-version': 'v5.0' };
    const answer = await http({ operation, method: 'GET', url: `${base}/${path}`, headers, signal });
    if (answer.status !== 200) throw refusal(operation, answer);
    const parsed = schema.safeParse(answer.json);
    if (!parsed.success)
      throw new VendorError({ vendor: 'ghost', operation, kind: 'down', call: 'answered', status: answer.status });
    return parsed.data;
  };

  const browse = async (
    parameters: Record<string, string>,
    signal: AbortSignal | undefined,
    oddity: (ids: readonly string[]) => string | undefined,
  ): Promise<MembersPage> => {
    const query = Object.entries({ ...parameters, limit: String(MEMBERS_PAGE_SIZE) })
      .map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
      .join('&');
    const { members } = await get('members.browse', `members/?${query}`, membersPageSchema, signal);
    const code = oddity(members.map(({ id }) => id));
    if (code)
      throw new VendorError({
        vendor: 'ghost',
        operation: 'members.browse',
        kind: 'down',
        call: 'answered',
        status: 200,
        code,
      });
    return toPage(members);
  };

  return {
    /** Which Ghost, opened by which key: tells whether both are still the same. No secret. */
    source: `${base}#${adminApiKey.split(':')[0]}`,

    /** The next members in order of their ids; a walk goes on after the highest id of a page until one is empty. */
    membersAfter: (afterId: string | undefined, signal?: AbortSignal): Promise<MembersPage> => {
      const after = afterId ?? LOWEST_ID;
      const parameters = { filter: `id:>${quoted(after)}`, order: 'id asc', include: 'tiers' };
      // a cache that repeats a page would loop a walk or end it early
      return browse(parameters, signal, (ids) => (isAscending([after, ...ids]) ? undefined : 'PAGE_REPEATS'));
    },

    /** Those of up to 100 members that there are, in any order. */
    async membersByIds(ids: readonly string[], signal?: AbortSignal): Promise<MembersPage> {
      // those cut off would look deleted
      if (ids.length > MEMBERS_PAGE_SIZE) throw new RangeError(`${ids.length} members asked for at once`);
      if (ids.length === 0) return { members: [], unreadable: [] };
      const asked = new Set(ids);
      return browse({ filter: `id:[${ids.map(quoted).join(',')}]` }, signal, (found) =>
        found.every((id) => asked.has(id)) ? undefined : 'NOT_ASKED_FOR',
      );
    },

    /** Members at up to 100 addresses, whatever their ids. */
    async membersByEmails(emails: readonly string[], signal?: AbortSignal): Promise<MembersPage> {
      if (emails.length > MEMBERS_PAGE_SIZE) throw new RangeError(`${emails.length} addresses asked for at once`);
      if (emails.length === 0) return { members: [], unreadable: [] };
      return browse({ filter: `email:[${emails.map(quoted).join(',')}]` }, signal, () => undefined);
    },

    /** One member; undefined when Ghost says in its own words that there is none. */
    async readMember(id: string, signal?: AbortSignal): Promise<GhostMember | undefined> {
      try {
        const { members } = await get(
          'members.read',
          `members/${encodeURIComponent(id)}/`,
          membersAnswerSchema,
          signal,
        );
        return members[0];
      } catch (error) {
        if (error instanceof VendorError && error.details.status === 404 && error.details.code === 'NotFoundError')
          return undefined;
        throw error;
      }
    },

    /** Answers when the Admin API answers this key. */
    async probe(): Promise<void> {
      // an odd newest member is no reason to take the source for down
      await get('members.probe', 'members/?limit=1', membersPageSchema);
    },

    /** Title and version; needs no key. */
    site: async () => (await get('site.read', 'site/', siteAnswerSchema)).site,
  };
}

/** A text in a filter; only quotes need care. */
const quoted = (text: string): string => `'${text.replace(/['"]/g, '\\$&')}'`;

const isAscending = (ids: readonly string[]): boolean => ids.every((id, index) => index === 0 || id > ids[index - 1]!);

function toPage(entries: readonly { id: string }[]): MembersPage {
  const page: MembersPage = { members: [], unreadable: [] };
  for (const entry of entries) {
    const member = memberSchema.safeParse(entry);
    if (member.success) page.members.push(member.data);
    else page.unreadable.push(entry.id);
  }
  return page;
}

/** Codes of a 400 that blame the token, not the request. */
const KEY_CODES = new Set(['INVALID_JWT', 'MISSING_ADMIN_API_KID']);

function refusal(operation: string, { status, json }: HttpAnswer): VendorError {
  const error = errorAnswerSchema.safeParse(json);
  const details = { vendor: 'ghost', operation, call: 'answered', status } as const;
  // whatever does not speak as Ghost is a proxy or another site
  if (!error.success) return new VendorError({ ...details, kind: 'down' });
  const { type, code } = error.data.errors[0]!;
  const keyIsWrong = [401, 403, 406].includes(status) || KEY_CODES.has(code ?? '');
  return new VendorError({
    ...details,
    kind: keyIsWrong ? 'refused' : 'rejected',
    code: (status === 404 ? type : code) ?? undefined,
  });
}

/** A short-lived token for one request: HS256 under the hex-decoded secret. */
export function adminToken(adminApiKey: string, nowSeconds = Math.floor(Date.now() / 1000)): string {
  const [id, secret] = adminApiKey.split(':') as [string, string];
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const unsigned = `${part({ alg: 'HS256', typ: 'JWT', kid: id })}.${part({ iat: nowSeconds, exp: nowSeconds + TOKEN_SECONDS, aud: '/admin/' })}`;
  const signature = createHmac('sha256', Buffer.from(secret, 'hex')).update(unsigned).digest('base64url');
  return `${unsigned}.${signature}`;
}
