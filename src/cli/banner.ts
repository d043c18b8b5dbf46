import type { Config } from '../config/config.js';
import type { Logger } from '../observe/log.js';
import type { Stores } from './processes/server-role.js';

/** What the banner tells. */
export interface BannerFacts {
  config: Config;
  stores: Stores & { temporalUiUrl?: string | undefined };
  httpUrl: string | undefined;
  sandbox: boolean;
  log: Logger;
}

/** One banner once everything is up: where things are and what is configured; never a secret. */
export function banner({ config, stores, httpUrl, sandbox, log }: BannerFacts): void {
  const facts: [string, string][] = [
    ...(httpUrl === undefined
      ? []
      : ([
          ['Webhooks', `${httpUrl}/webhook/ghost/{site}?event=member.added`],
          ['Health', `${httpUrl}/health`],
          ['Metrics', `${httpUrl}/metrics`],
        ] as [string, string][])),
    [
      'Temporal',
      stores.temporalUiUrl
        ? `${stores.temporalUiUrl} (Web UI), ${stores.temporal.address}`
        : `${stores.temporal.address}, namespace ${stores.temporal.namespace}`,
    ],
    ['Postgres', config.databaseUrl === undefined ? 'embedded' : new URL(stores.databaseUrl).host],
    ['Data folder', stores.dataDir],
    ['Sites', config.sites.map(({ name, ghost }) => `${name}${ghost ? '' : ' (webhooks only)'}`).join(', ') || 'none'],
  ];
  if (config.log.format === 'json') {
    log.info(
      {
        ready: true,
        sandbox,
        ...Object.fromEntries(
          facts.map(([key, value]) => [key === 'Data folder' ? 'dataFolder' : key.toLowerCase(), value]),
        ),
      },
      'Steward is ready',
    );
    return;
  }
  const lines = [
    '',
    'Steward is ready',
    ...facts.map(([key, value]) => `  ${key.padEnd(12)}${value}`),
    ...(sandbox
      ? [
          '',
          '  SANDBOX: no site is configured, so made-up members of a made-up site go to a made-up list.',
          '  Nothing leaves this machine. Copy .env.example to .env to connect a real site.',
        ]
      : []),
    '',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
