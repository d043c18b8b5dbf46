import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

export type { Logger };

/** How a process logs. */
export interface LogOptions {
  level: string;
  format: 'pretty' | 'json';
}

/** Text of an error that is safe to log: ours as it is, anybody else's only by name and code, since it may quote a person. */
export function safeError(error: unknown): { type: string; message: string; at?: string } {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an error object' };
  const code = codeOf(error);
  const ours = OUR_ERRORS.has(error.name);
  const at = error.stack
    ?.split('\n')
    .find((line) => line.includes('/src/') || line.includes('/activities/'))
    ?.trim();
  return {
    type: error.name,
    message: ours ? redact(error.message) : `${error.name}${code === undefined ? '' : ` (${code})`}`,
    ...(at === undefined || ours ? {} : { at }),
  };
}

/** The code of a system or database error; Prisma keeps the latter deep inside. */
function codeOf(error: Error): string | undefined {
  const { meta, code } = error as {
    meta?: { driverAdapterError?: { cause?: { originalCode?: string; kind?: string } } };
    code?: unknown;
  };
  const cause = meta?.driverAdapterError?.cause;
  return (
    cause?.originalCode ??
    cause?.kind ??
    (typeof code === 'string' || typeof code === 'number' ? String(code) : undefined)
  );
}

/** Errors whose messages we write ourselves, without personal data. */
const OUR_ERRORS = new Set([
  'VendorError',
  'WriterSuperseded',
  'WebhookMalformed',
  'StewardError',
  'CredentialsUnreadable',
  'ApplicationFailure',
]);

/** Takes e-mail addresses out of a text. */
export const redact = (text: string): string => text.replace(/[^\s"'<>()]+@[^\s"'<>()]+/g, '[address]');

/** A logger with the same keys everywhere; errors given as `err` are made safe. */
export function createLog({ level, format }: LogOptions): Logger {
  const options = {
    level,
    base: null,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: safeError },
    redact: { paths: ['email', '*.email', 'name', '*.name', 'payload', '*.payload'], censor: '[redacted]' },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  // the descriptor itself: pino would else write through whatever has taken the place of process.stdout.write
  if (format === 'json') return pino(options, pino.destination({ dest: 1, sync: true }));
  return pino(options, pretty({ sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss', singleLine: true }));
}
