import type { ConsentToTrack, OnDelete, OnEmailDisabled, Site } from '../domain/site.js';
import { type ConfigProblem, mask } from './problem.js';
import { urlProblem } from './url-problem.js';

/** One site with its secrets. */
export interface SiteConfig extends Site {
  /** Webhook secrets: the present one and those being rotated out. */
  webhookSecrets: readonly string[];
  campaignMonitorKey: string;
  /** Where its members can be read; without it the webhooks alone tell. */
  ghost?: { url: string; adminApiKey: string } | undefined;
}

const SITE_VARIABLES = [
  'NAME',
  'GHOST_WEBHOOK_SECRET',
  'GHOST_URL',
  'GHOST_ADMIN_API_KEY',
  'CM_API_KEY',
  'CM_LIST_ID',
  'ON_DELETE',
  'ON_EMAIL_DISABLED',
  'CONSENT_TO_TRACK',
] as const;
type SiteVariable = (typeof SITE_VARIABLES)[number];

const onDeleteValues: readonly OnDelete[] = ['delete', 'keep'];
const onEmailDisabledValues: readonly OnEmailDisabled[] = ['field', 'withhold', 'remove'];
const consentValues: readonly ConsentToTrack[] = ['Unchanged', 'Yes', 'No'];

/** Reads `SITE1_…`, `SITE2_…` and so on; problems are added to `problems`. */
export function readSites(env: NodeJS.ProcessEnv, problems: ConfigProblem[]): SiteConfig[] {
  const numbers = new Set<number>();
  for (const variable of Object.keys(env)) {
    const [, number, name] = /^SITE(\d+)_(.+)$/.exec(variable) ?? [];
    if (number === undefined || !env[variable]) continue;
    if (SITE_VARIABLES.some((known) => known === name)) numbers.add(Number(number));
    else
      problems.push({
        where: variable,
        what: `is not known; a site has ${SITE_VARIABLES.map((known) => `SITE${number}_${known}`).join(', ')}`,
      });
  }
  const sites = [...numbers].sort((a, b) => a - b).map((number) => readSite(env, number, problems));
  problems.push(...clashes(sites));
  return sites.map(({ site }) => site);
}

interface NumberedSite {
  number: number;
  site: SiteConfig;
}

function readSite(env: NodeJS.ProcessEnv, number: number, problems: ConfigProblem[]): NumberedSite {
  const variable = (name: SiteVariable): string => `SITE${number}_${name}`;
  const read = (name: SiteVariable): string | undefined => env[variable(name)]?.trim() || undefined;
  const problem = (name: SiteVariable, what: string): void => void problems.push({ where: variable(name), what });
  const required = (name: SiteVariable, what: string): string => {
    const value = read(name);
    if (value === undefined) problem(name, `is missing: ${what}`);
    return value ?? '';
  };
  const oneOf = <T extends string>(name: SiteVariable, values: readonly T[]): T => {
    const value = read(name);
    const found = values.find((candidate) => candidate.toLowerCase() === value?.toLowerCase());
    if (value !== undefined && found === undefined)
      problem(name, `is "${value}" but must be one of ${values.join(', ')}`);
    return found ?? values[0]!;
  };

  const name = required('NAME', 'a short name of your choice such as mainblog; it is part of the webhook address');
  if (name !== '' && !/^[a-z0-9][a-z0-9_-]{0,62}$/i.test(name))
    problem('NAME', `is "${name}" but may hold letters, digits, - and _ only, at most 63`);
  const secrets = required('GHOST_WEBHOOK_SECRET', 'the secret that you typed in for the webhooks in Ghost');
  const webhookSecrets = secrets
    .split(',')
    .map((secret) => secret.trim())
    .filter(Boolean);
  if (secrets !== '' && webhookSecrets.length === 0) problem('GHOST_WEBHOOK_SECRET', 'holds no secret');
  const campaignMonitorKey = read('CM_API_KEY') ?? env['CM_API_KEY']?.trim() ?? '';
  if (campaignMonitorKey === '')
    problem(
      'CM_API_KEY',
      'is missing, and so is CM_API_KEY: the API key of Campaign Monitor (Account settings, API keys)',
    );
  const audience = required('CM_LIST_ID', "the list's API subscriber list ID (list settings, at the bottom)");
  if (audience !== '' && !/^[A-Za-z0-9_-]{1,64}$/.test(audience))
    problem('CM_LIST_ID', `is "${audience}" but a list id is 32 letters and digits`);

  const url = read('GHOST_URL');
  const adminApiKey = read('GHOST_ADMIN_API_KEY');
  if (url !== undefined) {
    const wrong = urlProblem(url);
    if (wrong) problem('GHOST_URL', wrong);
    if (adminApiKey === undefined)
      problem(
        'GHOST_ADMIN_API_KEY',
        `is missing while ${variable('GHOST_URL')} is set: set both, or neither for webhooks only`,
      );
  }
  if (adminApiKey !== undefined) {
    if (!/^[0-9a-f]{24}:[0-9a-f]{64}$/i.test(adminApiKey))
      problem(
        'GHOST_ADMIN_API_KEY',
        `is "${mask(adminApiKey)}" but must be 24 hex digits, a colon and 64 hex digits (the Admin API key of the integration, not the Content API key)`,
      );
    if (url === undefined)
      problem(
        'GHOST_URL',
        `is missing while ${variable('GHOST_ADMIN_API_KEY')} is set: the admin address, e.g. https://blog.example.org`,
      );
  }
  return {
    number,
    site: {
      name,
      audience,
      webhookSecrets,
      campaignMonitorKey,
      ghost: url !== undefined && adminApiKey !== undefined ? { url, adminApiKey } : undefined,
      onDelete: oneOf('ON_DELETE', onDeleteValues),
      onEmailDisabled: oneOf('ON_EMAIL_DISABLED', onEmailDisabledValues),
      consentToTrack: oneOf('CONSENT_TO_TRACK', consentValues),
    },
  };
}

/** Two sites of one name cannot be told apart, and two on one list would take each other's members off. */
function clashes(sites: readonly NumberedSite[]): ConfigProblem[] {
  return sites.flatMap(({ number, site }, index) => {
    const before = sites.slice(0, index);
    const sameName = before.find(
      (other) => other.site.name !== '' && other.site.name.toLowerCase() === site.name.toLowerCase(),
    );
    const sameList = before.find(
      (other) => other.site.audience !== '' && other.site.audience.toLowerCase() === site.audience.toLowerCase(),
    );
    return [
      ...(sameName
        ? [
            {
              where: `SITE${number}_NAME`,
              what: `is "${site.name}" like SITE${sameName.number}_NAME: every site needs a name of its own`,
            },
          ]
        : []),
      ...(sameList
        ? [
            {
              where: `SITE${number}_CM_LIST_ID`,
              what: `is the same list as SITE${sameList.number}_CM_LIST_ID: every site needs a list of its own`,
            },
          ]
        : []),
    ];
  });
}
