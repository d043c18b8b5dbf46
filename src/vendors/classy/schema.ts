import { z } from 'zod';
import { id } from './values.js';

/** The answer to a token request. */
export const tokenAnswerSchema = z.object({
  access_token: z.string().min(1),
  expires_in: z.coerce.number().positive(),
});

/** More than any list can hold. */
const MOST = 2 ** 31 - 1;

/** The envelope of every list; figures may be missing or lie. */
export const listAnswerSchema = z.object({
  data: z.array(z.unknown()),
  per_page: z.coerce.number().int().positive().nullish().catch(null),
  total: z.coerce.number().int().nonnegative().max(MOST).nullish().catch(null),
});

/** An organization that the credentials open. */
export const organizationSchema = z.object({
  id,
  name: z.string().nullish(),
  currency_code: z.string().nullish(),
  currency: z.string().nullish(),
  timezone_identifier: z.string().nullish(),
});
