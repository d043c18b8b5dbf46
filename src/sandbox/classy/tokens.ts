import { randomBytes } from 'node:crypto';
import type { ClassyOrganization } from '../classy.js';
import type { Answer, Call, Request } from '../stand-in.js';
import { ClassyError, jsonAnswer, unauthorized } from './errors.js';

const refusal = { error: 'Invalid client authentication' };

/** The applications and their tokens; an application is a client id and may have several organizations. */
export class Tokens {
  readonly #issued = new Map<string, { clientId: string; expiresAt: number }>();
  readonly #revoked = new Set<string>();

  constructor(
    readonly organizations: readonly ClassyOrganization[],
    readonly expiresIn: number,
  ) {}

  /** Answers a token to a client's credentials in the body; credentials in the query string count for nothing. */
  issue(request: Request, call: Call): Answer {
    call.body = bodyOf(request);
    const given = call.body as Record<string, unknown>;
    const missing = ['grant_type', 'client_id', 'client_secret'].filter((name) => !given[name]);
    if (missing.length > 0) throw new ClassyError(400, { error: requiredErrors(missing), queries_log: [] });
    if (given['grant_type'] !== 'client_credentials') {
      throw new ClassyError(400, { error: { grant_type: ['The selected grant type is invalid.'] }, queries_log: [] });
    }
    const { client_id: clientId, client_secret: secret } = given;
    const known = this.organizations.find((one) => one.clientId === clientId && one.clientSecret === secret);
    if (!known || this.#revoked.has(known.clientId)) throw new ClassyError(400, refusal);
    const token = randomBytes(16).toString('hex');
    this.#issued.set(token, { clientId: known.clientId, expiresAt: Date.now() + this.expiresIn * 1000 });
    return jsonAnswer(200, {
      access_token: token,
      expires_in: this.expiresIn,
      token_type: 'bearer',
      queries_log: [],
    });
  }

  /** The client id behind an `Authorization` header, or a 401. */
  clientOf(header: string | undefined, isVoid: boolean): string {
    const [scheme, token] = (header ?? '').split(' ');
    if (scheme?.toLowerCase() !== 'bearer' || !token) throw unauthorized('invalid_request');
    const issued = this.#issued.get(token);
    if (!issued || isVoid || issued.expiresAt <= Date.now()) throw unauthorized('invalid_token');
    return issued.clientId;
  }

  /** Makes void what was handed out, to everybody or to one client. */
  void(clientId?: string): void {
    for (const [token, issued] of this.#issued) {
      if (clientId === undefined || issued.clientId === clientId) this.#issued.delete(token);
    }
  }

  /** Refuses a client's credentials from now on. */
  revoke(clientId: string): void {
    this.#revoked.add(clientId);
    this.void(clientId);
  }

  /** Takes a client's credentials again; its old tokens stay void. */
  restore(clientId: string): void {
    this.#revoked.delete(clientId);
  }
}

function bodyOf(request: Request): Record<string, unknown> {
  const type = request.headers['content-type'] ?? '';
  if (type.startsWith('application/x-www-form-urlencoded'))
    return Object.fromEntries(new URLSearchParams(request.body));
  if (!type.startsWith('application/json') || request.body === '') return {};
  try {
    const body: unknown = JSON.parse(request.body);
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    throw new ClassyError(400, { errors: ['Malformed JSON payload.'] });
  }
}

function requiredErrors(missing: string[]): Record<string, string[]> {
  return Object.fromEntries(missing.map((name) => [name, [`The ${name.replace('_', ' ')} field is required.`]]));
}
