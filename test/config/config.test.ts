import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Config, loadConfig } from '../../src/config/config.js';
import { ConfigError } from '../../src/config/problem.js';

const root = mkdtempSync(join(tmpdir(), 'steward-config-'));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const listId = 'a58ee1d3039b8bec838e6d1482a8a965';
const otherListId = 'b58ee1d3039b8bec838e6d1482a8a965';
const adminApiKey = `6b0209f1ad0abd2bc5ac1f00:${'5a'.repeat(32)}`;
const encryptionKey = Buffer.alloc(32, 7).toString('base64');
const oneSite = {
  CM_API_KEY: 'cm-key-of-all-sites',
  SITE1_NAME: 'mainblog',
  SITE1_GHOST_WEBHOOK_SECRET: 'first-secret',
  SITE1_CM_LIST_ID: listId,
};

const load = (env: NodeJS.ProcessEnv): Config => loadConfig({ env, folder });
function failure(env: NodeJS.ProcessEnv): ConfigError {
  try {
    load(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}
const wrongVariables = (env: NodeJS.ProcessEnv): string[] => failure(env).problems.map(({ where }) => where);
const writeFile = (name: string, content: unknown): void =>
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));

describe('what is configured', () => {
  test('nothing at all is a configuration with every default', () => {
    expect(load({})).toMatchObject({
      sites: [],
      campaignMonitorUrl: 'https://api.createsend.com/api/v3.3',
      databaseUrl: undefined,
      temporal: { address: undefined, namespace: 'default', apiKey: undefined, tls: undefined },
      http: { port: 3000, host: '127.0.0.1', token: undefined },
      metricsPort: undefined,
      log: { level: 'info' },
      isProduction: false,
      guard: { people: 25, share: 0.05 },
      timeouts: { ghost: 10_000, 'campaign-monitor': 120_000 },
    });
  });

  test('a site with webhooks only', () => {
    expect(load(oneSite).sites).toEqual([
      {
        name: 'mainblog',
        audience: listId,
        webhookSecrets: ['first-secret'],
        campaignMonitorKey: 'cm-key-of-all-sites',
        ghost: undefined,
        onDelete: 'delete',
        onEmailDisabled: 'field',
        consentToTrack: 'Unchanged',
      },
    ]);
  });

  test('a site with everything, values in any case and with spaces around them', () => {
    const [site] = load({
      ...oneSite,
      SITE1_GHOST_WEBHOOK_SECRET: ' new-secret , old-secret ,',
      SITE1_GHOST_URL: ' https://blog.example.org/sub ',
      SITE1_GHOST_ADMIN_API_KEY: adminApiKey,
      SITE1_CM_API_KEY: 'its-own-key',
      SITE1_ON_DELETE: 'KEEP',
      SITE1_ON_EMAIL_DISABLED: 'withhold',
      SITE1_CONSENT_TO_TRACK: 'yes',
    }).sites;
    expect(site).toMatchObject({
      webhookSecrets: ['new-secret', 'old-secret'],
      campaignMonitorKey: 'its-own-key',
      ghost: { url: 'https://blog.example.org/sub', adminApiKey },
      onDelete: 'keep',
      onEmailDisabled: 'withhold',
      consentToTrack: 'Yes',
    });
  });

  test('sites come in the order of their numbers, gaps allowed', () => {
    const site = (number: number, name: string, list: string) => ({
      [`SITE${number}_NAME`]: name,
      [`SITE${number}_GHOST_WEBHOOK_SECRET`]: 'secret',
      [`SITE${number}_CM_LIST_ID`]: list,
    });
    const env = { CM_API_KEY: 'key', ...site(10, 'ten', 'list10'), ...site(2, 'two', 'list2') };
    expect(load(env).sites.map(({ name }) => name)).toEqual(['two', 'ten']);
  });

  test('the environment stands above .env, and .env above the defaults', () => {
    writeFile('.env', 'PORT=4000\nHOST=0.0.0.0\nSTEWARD_TOKEN="from file"\n');
    expect(load({ PORT: '5000' }).http).toEqual({ port: 5000, host: '0.0.0.0', token: 'from file' });
  });
});

describe('what is wrong', () => {
  type Case = [name: string, env: NodeJS.ProcessEnv, where: string[]];
  const cases: Case[] = [
    [
      'a site without its needful variables',
      { SITE1_NAME: 'mainblog' },
      ['SITE1_GHOST_WEBHOOK_SECRET', 'SITE1_CM_API_KEY', 'SITE1_CM_LIST_ID'],
    ],
    ['a site without a name', { ...oneSite, SITE1_NAME: '' }, ['SITE1_NAME']],
    [
      'a secret that holds nothing but commas',
      { ...oneSite, SITE1_GHOST_WEBHOOK_SECRET: ' , ,' },
      ['SITE1_GHOST_WEBHOOK_SECRET'],
    ],
    ['a name that does not fit into a URL', { ...oneSite, SITE1_NAME: 'main blog' }, ['SITE1_NAME']],
    ['a name of 64 characters', { ...oneSite, SITE1_NAME: 'x'.repeat(64) }, ['SITE1_NAME']],
    ['a variable of a site that nobody knows', { ...oneSite, SITE1_CM_LISTID: 'x' }, ['SITE1_CM_LISTID']],
    ['a list id that cannot be one', { ...oneSite, SITE1_CM_LIST_ID: 'my/list' }, ['SITE1_CM_LIST_ID']],
    ['an unknown choice', { ...oneSite, SITE1_ON_DELETE: 'unsubscribe' }, ['SITE1_ON_DELETE']],
    [
      'a Ghost URL without a key',
      { ...oneSite, SITE1_GHOST_URL: 'https://blog.example.org' },
      ['SITE1_GHOST_ADMIN_API_KEY'],
    ],
    ['a Ghost key without a URL', { ...oneSite, SITE1_GHOST_ADMIN_API_KEY: adminApiKey }, ['SITE1_GHOST_URL']],
    [
      'a Content API key',
      { ...oneSite, SITE1_GHOST_URL: 'https://blog.example.org', SITE1_GHOST_ADMIN_API_KEY: 'a'.repeat(26) },
      ['SITE1_GHOST_ADMIN_API_KEY'],
    ],
    ['a port that is none', { PORT: 'http' }, ['PORT']],
    ['a port too large', { METRICS_PORT: '65536' }, ['METRICS_PORT']],
    ['a log level that is none', { LOG_LEVEL: 'verbose' }, ['LOG_LEVEL']],
    ['a certificate without its key', { TEMPORAL_TLS_CERT: '-----BEGIN CERTIFICATE-----' }, ['TEMPORAL_TLS_CERT']],
    ['a certificate file that is not there', { TEMPORAL_TLS_CA: '/nowhere/ca.pem' }, ['TEMPORAL_TLS_CA']],
    ['DATABASE_URL without STEWARD_ENCRYPTION_KEY', { DATABASE_URL: 'postgresql://u@h/d' }, ['STEWARD_ENCRYPTION_KEY']],
    [
      'an encryption key of 31 bytes',
      { DATABASE_URL: 'postgresql://u@h/d', STEWARD_ENCRYPTION_KEY: Buffer.alloc(31).toString('base64') },
      ['STEWARD_ENCRYPTION_KEY'],
    ],
    [
      'an encryption key that is right beside one that is not',
      { DATABASE_URL: 'postgres://u@h/d', STEWARD_ENCRYPTION_KEY: `${encryptionKey},short` },
      ['STEWARD_ENCRYPTION_KEY'],
    ],
    [
      'a database that is no Postgres',
      { DATABASE_URL: 'mysql://u@h/d', STEWARD_ENCRYPTION_KEY: encryptionKey },
      ['DATABASE_URL'],
    ],
  ];
  test.each(cases)('%s is refused', (_name, env, where) => {
    expect(wrongVariables(env)).toEqual(where);
  });

  test('DATABASE_URL goes with one encryption key or several', () => {
    const database = { DATABASE_URL: 'postgresql://u:p@h:5432/d' };
    expect(load({ ...database, STEWARD_ENCRYPTION_KEY: encryptionKey }).databaseUrl).toBe(database.DATABASE_URL);
    expect(load({ ...database, STEWARD_ENCRYPTION_KEY: `${encryptionKey}, ${encryptionKey}` }).databaseUrl).toBe(
      database.DATABASE_URL,
    );
  });

  test('everything that is wrong is told at once, each with its variable and what to do', () => {
    writeFile('steward.config.json', { guard: { share: 2 }, colour: 'blue' });
    const error = failure({
      SITE1_NAME: 'a b',
      SITE1_GHOST_URL: 'http://blog.example.org',
      SITE2_NAME: 'two',
      SITE2_GHOST_WEBHOOK_SECRET: 's',
      SITE2_CM_LIST_ID: listId,
      SITE3_NAME: 'TWO',
      SITE3_GHOST_WEBHOOK_SECRET: 's',
      SITE3_CM_LIST_ID: listId,
      CM_API_URL: 'nowhere',
      PORT: '-1',
      LOG_FORMAT: 'xml',
      DATABASE_URL: 'nonsense',
    });
    expect(error.problems.map(({ where }) => where).toSorted()).toEqual(
      [
        'CM_API_URL',
        'DATABASE_URL',
        'LOG_FORMAT',
        'PORT',
        'SITE1_CM_API_KEY',
        'SITE1_CM_LIST_ID',
        'SITE1_GHOST_ADMIN_API_KEY',
        'SITE1_GHOST_URL',
        'SITE1_GHOST_WEBHOOK_SECRET',
        'SITE1_NAME',
        'SITE2_CM_API_KEY',
        'SITE3_CM_API_KEY',
        'SITE3_CM_LIST_ID',
        'SITE3_NAME',
        'STEWARD_ENCRYPTION_KEY',
        'steward.config.json',
        'steward.config.json guard.share',
      ].toSorted(),
    );
    for (const { where, what } of error.problems) expect(error.message).toContain(`${where}: ${what}`);
    expect(error.message).toContain(`has ${error.problems.length} problems`);
  });

  describe('two sites', () => {
    const second = { SITE2_NAME: 'second', SITE2_GHOST_WEBHOOK_SECRET: 's', SITE2_CM_LIST_ID: otherListId };
    const cases: Case[] = [
      ['on one list', { ...oneSite, ...second, SITE2_CM_LIST_ID: listId }, ['SITE2_CM_LIST_ID']],
      [
        'on one list, its id typed in capitals once',
        { ...oneSite, ...second, SITE2_CM_LIST_ID: listId.toUpperCase() },
        ['SITE2_CM_LIST_ID'],
      ],
      ['of one name', { ...oneSite, ...second, SITE2_NAME: 'mainblog' }, ['SITE2_NAME']],
      ['whose names differ in case only', { ...oneSite, ...second, SITE2_NAME: 'MainBlog' }, ['SITE2_NAME']],
    ];
    test.each(cases)('%s are refused', (_name, env, where) => {
      expect(wrongVariables(env)).toEqual(where);
    });

    test('of different names and lists are accepted', () => {
      expect(load({ ...oneSite, ...second }).sites).toHaveLength(2);
    });
  });
});

describe('secrets', () => {
  test('never appear in what is told, whatever else is wrong', () => {
    const secrets = {
      CM_API_KEY: 'SECRET-cm-key-0123456789',
      SITE1_CM_API_KEY: 'SECRET-cm-key-of-site-1',
      SITE1_GHOST_WEBHOOK_SECRET: 'SECRET-webhook,SECRET-webhook-2',
      SITE1_GHOST_ADMIN_API_KEY: 'SECRET-admin-key-0123456789abcdef',
      STEWARD_TOKEN: 'SECRET-token',
      STEWARD_ENCRYPTION_KEY: 'SECRET-encryption',
      TEMPORAL_API_KEY: 'SECRET-temporal',
      TEMPORAL_TLS_KEY: 'SECRET-file-of-a-key',
      DATABASE_URL: 'postgresqlx://steward:SECRET-password@db/steward',
    };
    const { message } = failure({
      ...secrets,
      SITE1_NAME: 'a b',
      PORT: 'x',
      SITE1_GHOST_URL: 'https://u:SECRET-url@blog.example.org',
    });
    expect(message).toContain('SITE1_GHOST_ADMIN_API_KEY: is "SECR****"');
    expect(message.replaceAll('SECR****', '')).not.toContain('SECR');
  });

  const urls = [
    'https://user:SECRET-password@blog.example.org',
    'ftp://user:SECRET-password@blog.example.org',
    'user:SECRET-password@blog.example.org',
    'http://user:SECRET-password@blog.example.org',
    'https://user:SECRET-password@blog example.org',
  ];
  test.each(urls)('the password of the URL %s is not told', (url) => {
    const { message } = failure({ ...oneSite, SITE1_GHOST_URL: url, SITE1_GHOST_ADMIN_API_KEY: adminApiKey });
    expect(message).toContain('SITE1_GHOST_URL');
    expect(message).not.toContain('SECRET');
  });
});

describe('steward.config.json', () => {
  test('sets what is not secret, with durations in words', () => {
    writeFile('steward.config.json', {
      $schema: './docs/steward.config.schema.json',
      guard: { people: 3 },
      rateLimits: { 'campaign-monitor': { perMinute: 120, burst: 5, connections: 2 } },
      timeouts: { ghost: '1m 30s', 'campaign-monitor': 2500 },
    });
    expect(load({})).toMatchObject({
      guard: { people: 3, share: 0.05 },
      rateLimits: { 'campaign-monitor': { perMinute: 120, burst: 5, connections: 2 } },
      timeouts: { ghost: 90_000, 'campaign-monitor': 2500 },
    });
  });

  const cases: [name: string, content: unknown, where: string][] = [
    ['text that is not JSON', '{"guard": ', 'steward.config.json'],
    ['a list', [], 'steward.config.json'],
    ['an unknown key', { guards: {} }, 'steward.config.json'],
    ['an unknown key inside', { guard: { peopel: 3 } }, 'steward.config.json guard'],
    ['a number in quotes', { guard: { people: '3' } }, 'steward.config.json guard.people'],
    ['a share above one', { guard: { share: 1.5 } }, 'steward.config.json guard.share'],
    ['a negative budget', { guard: { people: -1 } }, 'steward.config.json guard.people'],
    [
      'a limit of nothing',
      { rateLimits: { ghost: { perMinute: 0 } } },
      'steward.config.json rateLimits.ghost.perMinute',
    ],
    ['a duration that is none', { timeouts: { ghost: 'soon' } }, 'steward.config.json timeouts.ghost'],
    ['a time-out that no call could keep', { timeouts: { ghost: '0s' } }, 'steward.config.json timeouts.ghost'],
  ];
  test.each(cases)('%s is refused', (_name, content, where) => {
    writeFile('steward.config.json', content);
    expect(wrongVariables({})).toEqual([where]);
  });
});
