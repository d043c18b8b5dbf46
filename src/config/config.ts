import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseDotenv } from 'dotenv';
import { z } from 'zod';
import { type ConfigFile, configFileSchema } from './config-file.js';
import { ConfigError, type ConfigProblem } from './problem.js';
import { readSites, type SiteConfig } from './site-variables.js';
import { urlProblem } from './url-problem.js';

/** Everything that can be configured, parsed once. */
export interface Config extends ConfigFile {
  sites: readonly SiteConfig[];
  campaignMonitorUrl: string;
  classyUrl: string;
  classyTokenUrl: string;
  /** Undefined: that of each key's data centre. */
  mailchimpUrl: string | undefined;
  /** Of organizations that have none of their own. */
  mailchimp: { apiKey: string | undefined; listId: string | undefined };
  /** 32 bytes each, the first one encrypts; empty: those of the key file in the data folder. */
  encryptionKeys: readonly Buffer[];
  /** Undefined: the embedded Postgres. */
  databaseUrl: string | undefined;
  temporal: {
    /** Undefined: the embedded dev server. */
    address: string | undefined;
    namespace: string;
    apiKey: string | undefined;
    tls: { cert?: Buffer; key?: Buffer; ca?: Buffer } | undefined;
    /** Path of the `temporal` command, if one was given. */
    cli: string | undefined;
  };
  /** Undefined: by the platform's convention. */
  dataDir: string | undefined;
  http: { port: number; host: string; token: string | undefined };
  metricsPort: number | undefined;
  log: { level: string; format: 'pretty' | 'json' };
  isProduction: boolean;
}

/** Where the configuration is read from. */
export interface ConfigSources {
  env: NodeJS.ProcessEnv;
  /** Folder of `.env` and `steward.config.json`. */
  folder: string;
}

/** Where Classy is unless CLASSY_API_URL says otherwise. */
export const CLASSY_URL = 'https://api.classy.org/2.0';

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** Environment with `.env` below it. */
export function readEnvironment({ env, folder }: ConfigSources): NodeJS.ProcessEnv {
  const path = join(folder, '.env');
  return existsSync(path) ? { ...parseDotenv(readFileSync(path)), ...env } : env;
}

/** Reads environment, `.env` and `steward.config.json`. @throws ConfigError with every problem there is */
export function loadConfig(sources: ConfigSources): Config {
  const env = readEnvironment(sources);
  const problems: ConfigProblem[] = [];
  const read = (variable: string): string | undefined => env[variable]?.trim() || undefined;
  const port = (variable: string): number | undefined => {
    const value = read(variable);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (!Number.isInteger(number) || number < 0 || number > 65535)
      problems.push({ where: variable, what: `is "${value}" but must be a port, 0 to 65535` });
    return number;
  };
  const pem = (variable: string): Buffer | undefined => {
    const value = read(variable);
    if (value === undefined) return undefined;
    if (value.includes('-----BEGIN')) return Buffer.from(value);
    if (existsSync(value)) return readFileSync(value);
    problems.push({ where: variable, what: 'is neither a PEM text nor a file that exists' });
    return undefined;
  };
  const url = (variable: string, fallback: string): string => {
    const value = read(variable) ?? fallback;
    const wrong = urlProblem(value);
    if (wrong) problems.push({ where: variable, what: wrong });
    return value;
  };
  const oneOf = (variable: string, values: readonly string[], fallback: string): string => {
    const value = read(variable) ?? fallback;
    if (!values.includes(value))
      problems.push({ where: variable, what: `is "${value}" but must be one of ${values.join(', ')}` });
    return value;
  };

  const [cert, key, ca] = [pem('TEMPORAL_TLS_CERT'), pem('TEMPORAL_TLS_KEY'), pem('TEMPORAL_TLS_CA')];
  if ((cert === undefined) !== (key === undefined))
    problems.push({ where: 'TEMPORAL_TLS_CERT', what: 'and TEMPORAL_TLS_KEY belong together: set both or neither' });
  const databaseUrl = read('DATABASE_URL');
  const encryptionKeys = readEncryptionKeys(read('STEWARD_ENCRYPTION_KEY'), problems);
  if (databaseUrl !== undefined) problems.push(...databaseProblems(databaseUrl, encryptionKeys));
  const config: Config = {
    sites: readSites(env, problems),
    campaignMonitorUrl: url('CM_API_URL', 'https://api.createsend.com/api/v3.3'),
    classyUrl: url('CLASSY_API_URL', CLASSY_URL),
    classyTokenUrl: url('CLASSY_TOKEN_URL', 'https://api.classy.org/oauth2/auth'),
    mailchimpUrl: read('MAILCHIMP_API_URL') && url('MAILCHIMP_API_URL', ''),
    mailchimp: { apiKey: read('MAILCHIMP_API_KEY'), listId: read('MAILCHIMP_LIST_ID') },
    encryptionKeys,
    databaseUrl,
    temporal: {
      address: read('TEMPORAL_ADDRESS'),
      namespace: read('TEMPORAL_NAMESPACE') ?? 'default',
      apiKey: read('TEMPORAL_API_KEY'),
      tls: cert || ca ? { ...(cert && key ? { cert, key } : {}), ...(ca ? { ca } : {}) } : undefined,
      cli: read('TEMPORAL_CLI'),
    },
    dataDir: read('STEWARD_DATA_DIR'),
    http: { port: port('PORT') ?? 3000, host: read('HOST') ?? '127.0.0.1', token: read('STEWARD_TOKEN') },
    metricsPort: port('METRICS_PORT'),
    log: {
      level: oneOf('LOG_LEVEL', logLevels, 'info'),
      format: oneOf('LOG_FORMAT', ['pretty', 'json'], process.stdout.isTTY ? 'pretty' : 'json') as 'pretty' | 'json',
    },
    isProduction: read('NODE_ENV') === 'production',
    ...withVariables(readConfigFile(sources.folder, problems), read, problems),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** Secrets stay out of the file: in the settings of an audience `$NAME` stands for a variable. */
function withVariables(
  file: ConfigFile,
  read: (variable: string) => string | undefined,
  problems: ConfigProblem[],
): ConfigFile {
  const resolve = (where: string, value: unknown): unknown => {
    const [, name] = (typeof value === 'string' && /^\$(\w+)$/.exec(value)) || [];
    if (name === undefined) return value;
    const found = read(name);
    if (found === undefined)
      problems.push({ where, what: `asks for the variable ${name}, which is not set: put it into .env` });
    return found ?? '';
  };
  const audiences = Object.entries(file.audiences).map(([id, { destination, ...settings }]) => {
    const resolved = Object.entries(settings).map(([key, value]) => [
      key,
      resolve(`steward.config.json audiences.${id}.${key}`, value),
    ]);
    return [id, { ...Object.fromEntries(resolved), destination }] as const;
  });
  return { ...file, audiences: Object.fromEntries(audiences) };
}

function databaseProblems(databaseUrl: string, encryptionKeys: readonly Buffer[]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (!/^postgres(ql)?:\/\//.test(databaseUrl) || !URL.canParse(databaseUrl)) {
    problems.push({ where: 'DATABASE_URL', what: 'must look like postgresql://user:password@host:5432/database' });
  }
  if (encryptionKeys.length === 0)
    problems.push({
      where: 'STEWARD_ENCRYPTION_KEY',
      what: 'is required with DATABASE_URL: make one with `openssl rand -base64 32` and keep it safe',
    });
  return problems;
}

function readEncryptionKeys(value: string | undefined, problems: ConfigProblem[]): Buffer[] {
  const keys = (value ?? '')
    .split(',')
    .filter((key) => key.trim() !== '')
    .map((key) => Buffer.from(key.trim(), 'base64'));
  if (keys.some((key) => key.length !== ENCRYPTION_KEY_BYTES))
    problems.push({
      where: 'STEWARD_ENCRYPTION_KEY',
      what: 'must be 32 bytes in base64 (several separated by commas): make one with `openssl rand -base64 32`',
    });
  return keys;
}

const ENCRYPTION_KEY_BYTES = 32;

function readConfigFile(folder: string, problems: ConfigProblem[]): ConfigFile {
  const path = join(folder, 'steward.config.json');
  let json: unknown = {};
  if (existsSync(path)) {
    try {
      json = JSON.parse(readFileSync(path, 'utf8'));
    } catch (error) {
      problems.push({
        where: 'steward.config.json',
        what: `is not JSON: ${error instanceof Error ? error.message : ''}`,
      });
    }
  }
  const parsed = configFileSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  for (const { path: key, message } of parsed.error.issues) {
    problems.push({ where: `steward.config.json ${z.core.toDotPath(key)}`.trim(), what: message });
  }
  return configFileSchema.parse({});
}
