import { createHmac } from 'node:crypto';
import type { z } from 'zod';
import { VendorError } from '../errors.js';
import { createHttp, type HttpAnswer, type HttpOptions } from '../http.js';
import { errorAnswerSchema, type GhostMember, membersAnswerSchema, siteAnswerSchema } from './schema.js';

/** Where a Ghost's Admin API is and how to open it. */
export interface GhostOptions extends HttpOptions {
  /** Admin domain, with its subdirectory if it has one. */
  url: string;
  /** `{24 hex}:{64 hex}` of a custom integration. */
  adminApiKey: string;
}

/** The part of Ghost's Admin API that we use; one method an endpoint. */
export type GhostClient = ReturnType<typeof createGhostClient>;

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

  return {
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
      await get('members.probe', 'members/?limit=1', membersAnswerSchema);
    },

    /** Title and version; needs no key. */
    site: async () => (await get('site.read', 'site/', siteAnswerSchema)).site,
  };
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
