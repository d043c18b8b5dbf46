import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { CliError, ExitCode } from '../exit.js';

const ID = /^[1-9]\d{0,17}$/;

/** An organization's id on the command line. */
export function parseOrganizationId(value: string): string {
  if (!ID.test(value)) throw new InvalidArgumentError("an organization's id is a whole number, Classy's own");
  return value;
}

/** Whether a time zone has this name at IANA; offsets are not names. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

/** Whether it is written as ISO 4217 writes currencies. */
export const isCurrency = (code: string): boolean => /^[A-Z]{3}$/.test(code);

export const TIME_ZONE_ADVICE = 'must be an IANA name such as Europe/Berlin or UTC';
export const CURRENCY_ADVICE = 'must be three upper-case letters of ISO 4217, such as USD';

const text = (what: string) =>
  z
    .string({ error: ({ input }) => (input === undefined ? `is missing: ${what}` : `must be text: ${what}`) })
    .trim()
    .min(1, `is empty: ${what}`)
    .refine((value) => !/\p{Cc}/u.test(value), 'holds a control character');

const organizationId = z
  .union([z.int(), z.string()], { error: "must be Classy's id of the organization, a whole number" })
  .transform((value) => String(value).trim())
  .refine((value) => ID.test(value), "must be Classy's id of the organization, a whole number");

const mailchimp = z.strictObject(
  {
    apiKey: text('the API key of MailChimp; leave mailchimp out for none'),
    listId: text('the audience (list) id of MailChimp; leave mailchimp out for none'),
  },
  { error: unknownKeys('must be {"apiKey": …, "listId": …}, or be left out') },
);

const shape = {
  name: text('a name for the organization'),
  clientId: text('the client id of the application at Classy'),
  clientSecret: text('the client secret of the application at Classy'),
  organizationId: organizationId.nullish(),
  timeZone: text(TIME_ZONE_ADVICE).refine(isTimeZone, TIME_ZONE_ADVICE).optional(),
  currency: text(CURRENCY_ADVICE).refine(isCurrency, CURRENCY_ADVICE).nullish(),
  mailchimp: mailchimp.nullish(),
};
const notAnObject = { error: unknownKeys('must be one JSON object') };

/** An organization as `add --from` takes it; `currency: null` adds up gifts of every currency. */
export const entrySchema = z.strictObject(shape, notAnObject);

/** What of it `update --from` takes: what is left out stays; `null` takes currency or MailChimp away. */
export const changeSchema = z.strictObject(shape, notAnObject).partial();

export type Entry = z.infer<typeof entrySchema>;
export type Change = z.infer<typeof changeSchema>;

function unknownKeys(otherwise: string) {
  return (issue: { code?: string; keys?: unknown }): string =>
    issue.code === 'unrecognized_keys'
      ? `has ${(issue.keys as string[]).map((key) => JSON.stringify(key)).join(', ')}, which means nothing here; there are ${Object.keys(shape).join(', ')}, and mailchimp's apiKey and listId`
      : otherwise;
}

/** Reads JSON from a file, or from standard input for `-`. Nothing of its content is in an error. @throws CliError with every problem */
export async function readFrom<T>(from: string, schema: z.ZodType<T>): Promise<T> {
  const where = from === '-' ? 'standard input' : from;
  const content = await (from === '-' ? readAll(process.stdin) : readFile(from, 'utf8')).catch(
    (error: NodeJS.ErrnoException) => {
      throw new CliError(`${where} cannot be read (${error.code ?? error.name}).`, ExitCode.Usage);
    },
  );
  return parseEntry(parseJson(content.replace(/^\uFEFF/, ''), where), schema, where);
}

/** What the schema makes of a value. @throws CliError with every problem */
export function parseEntry<T>(value: unknown, schema: z.ZodType<T>, where: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(({ path, message }) => `  ${z.core.toDotPath(path) || 'it'}: ${message}`);
  throw new CliError(
    `${where} has ${lines.length} problem${lines.length === 1 ? '' : 's'}:\n${lines.join('\n')}`,
    ExitCode.Usage,
  );
}

/** The words of JSON.parse quote what stands there, which may be a secret: only where it is is told. */
function parseJson(content: string, where: string): unknown {
  try {
    return JSON.parse(content);
  } catch (error) {
    const [, position] = /(at position \d+)/.exec(String(error)) ?? [];
    throw new CliError(
      content.trim() === '' ? `${where} is empty.` : `${where} is not JSON${position ? `: look ${position}` : ''}.`,
      ExitCode.Usage,
    );
  }
}
