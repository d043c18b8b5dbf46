import { createHmac, timingSafeEqual } from 'node:crypto';
import { GhostError } from './errors.js';

const oldestSeconds = 5 * 60;

/** Checks an `Authorization` header the way Ghost does and throws the GhostError of the table when it does not pass. */
export function checkToken(header: string | undefined, adminApiKey: string, keyIsKnown: boolean): void {
  if (!header) throw new GhostError(403, 'NoPermissionError', 'Authorization failed');
  const [scheme, token, ...rest] = header.split(' ');
  if (scheme !== 'Ghost' || !token || rest.length > 0) {
    const message = 'Authorization header format is "Authorization: Ghost [token]"';
    throw new GhostError(401, 'UnauthorizedError', message, { code: 'INVALID_AUTH_HEADER' });
  }
  const parts = token.split('.');
  const [head, claims] = [decode(parts[0]), decode(parts[1])];
  if (parts.length !== 3 || !head || !claims) {
    throw new GhostError(400, 'BadRequestError', 'Invalid token', { code: 'INVALID_JWT' });
  }
  if (!head['kid']) {
    throw new GhostError(400, 'BadRequestError', 'Admin API kid missing.', { code: 'MISSING_ADMIN_API_KID' });
  }
  const [id = '', secret = ''] = adminApiKey.split(':');
  if (!keyIsKnown || head['kid'] !== id) {
    throw new GhostError(401, 'UnauthorizedError', 'Unknown Admin API Key', { code: 'UNKNOWN_ADMIN_API_KEY' });
  }
  const problem = problemOf(head, claims, parts, secret);
  if (problem) throw new GhostError(401, 'UnauthorizedError', `Invalid token: ${problem}`, { code: 'INVALID_JWT' });
}

type Json = Record<string, unknown>;

function problemOf(head: Json, claims: Json, parts: string[], secret: string): string | undefined {
  if (head['alg'] !== 'HS256') return 'invalid algorithm';
  const expected = createHmac('sha256', Buffer.from(secret, 'hex')).update(`${parts[0]}.${parts[1]}`).digest();
  const given = Buffer.from(parts[2] ?? '', 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return 'invalid signature';
  const nowSeconds = Math.floor(Date.now() / 1000);
  const { exp, aud, iat } = claims;
  if (exp !== undefined && (typeof exp !== 'number' || nowSeconds >= exp)) return 'jwt expired';
  const audiences = Array.isArray(aud) ? aud : [aud];
  if (!audiences.some((one) => typeof one === 'string' && /\/?admin\/?$/.test(one))) {
    return 'jwt audience invalid. expected: /\\/?admin\\/?$/';
  }
  if (typeof iat !== 'number') return 'iat required when maxAge is specified';
  return nowSeconds >= iat + oldestSeconds ? 'maxAge exceeded' : undefined;
}

function decode(part: string | undefined): Json | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}
