import type { Config } from '../config/config.js';
import type { Logger } from '../observe/log.js';
import type { Stores } from './processes/server-role.js';

/** What the banner tells. */
export interface BannerFacts {
  config: Config;
  stores: Stores & { temporalUiUrl?: string | undefined };
  httpUrl: string | undefined;
  organizations: readonly { id: string; name: string; mailchimpListId?: string | undefined }[];
  sandbox: boolean;
  log: Logger;
}

/** One banner once everything is up: where things are and what is configured; never a secret. */
export function banner({ config, stores, httpUrl, organizations, sandbox, log }: BannerFacts): void {
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
    ['Organizations', organizations.map(({ id, name }) => `${name} (${id})`).join(', ') || 'none'],
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
    ...facts.map(([key, value]) => `  ${key.padEnd(15)}${value}`),
    ...(sandbox
      ? [
          '',
          '  SANDBOX: neither a site nor an organization is configured, so made-up members of a made-up site go to a',
          '  made-up list, and made-up gifts to a made-up organization come into Postgres.',
          ...organizations.flatMap(audienceLines),
          '  Nothing leaves this machine. Copy .env.example to .env to connect a real site, or stop this and run',
          '  steward organization add.',
        ]
      : []),
    '',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** An audience's first sync is started by a person. */
const audienceLines = ({ mailchimpListId }: BannerFacts['organizations'][number]): string[] =>
  mailchimpListId === undefined
    ? []
    : [
        `  Its donors wait for the first sync of a made-up MailChimp audience (${mailchimpListId}). Look at it, then do it:`,
        `    steward audience sync ${mailchimpListId} --dry-run`,
        `    steward audience sync ${mailchimpListId}`,
      ];
