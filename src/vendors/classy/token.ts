import { VendorError } from '../errors.js';
import { createHttp, type HttpAnswer, type HttpOptions } from '../http.js';
import { tokenAnswerSchema } from './schema.js';

/** What opens one organization at Classy. */
export interface ClassyCredentials {
  clientId: string;
  clientSecret: string;
}

/** Access tokens of one application. */
export interface TokenSource {
  /** A token that is valid for a minute more at least. @throws VendorError */
  current(): Promise<string>;
  /** This one was refused: the next one asked for is new. */
  drop(token: string): void;
}

const RENEW_EARLY_MS = 60_000;

/** Caches the token; renews early, one renewal at a time. */
export function createTokenSource(
  tokenUrl: string,
  { clientId, clientSecret }: ClassyCredentials,
  options: HttpOptions,
): TokenSource {
  const http = createHttp('classy', options);
  let held: { token: string; until: number } | undefined;
  let renewal: Promise<string> | undefined;

  const renew = async (): Promise<string> => {
    const asked = Date.now();
    const answer = await http({
      operation: 'token',
      method: 'POST',
      url: tokenUrl,
      headers: {},
      body: { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret },
    });
    const parsed = tokenAnswerSchema.safeParse(answer.json);
    if (answer.status !== 200 || !parsed.success) throw refusal(answer);
    const { access_token: token, expires_in: seconds } = parsed.data;
    // a short-lived token is used for half its life at least
    const lifeMs = Math.max(seconds * 1000 - RENEW_EARLY_MS, seconds * 500);
    held = { token, until: asked + lifeMs };
    return token;
  };
  return {
    current() {
      if (held && Date.now() < held.until) return Promise.resolve(held.token);
      renewal ??= renew().finally(() => {
        renewal = undefined;
      });
      return renewal;
    },
    drop(token) {
      if (held?.token === token) held = undefined;
    },
  };
}

/** Missing or wrong credentials are answered with 400. */
const refusal = ({ status }: HttpAnswer): VendorError =>
  new VendorError({
    vendor: 'classy',
    operation: 'token',
    kind: status === 400 || status === 401 || status === 403 ? 'refused' : 'down',
    call: 'answered',
    status,
    code: status === 200 ? 'NOT_A_TOKEN' : 'CREDENTIALS',
  });
