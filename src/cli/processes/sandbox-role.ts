import { join } from 'node:path';
import { CLASSY_URL, type Config } from '../../config/config.js';
import { defaultDataDir } from '../../embedded/data-folder.js';
import type { Logger } from '../../observe/log.js';
import {
  type SandboxClassy,
  type SandboxMailchimp,
  sandboxAudienceId,
  sandboxListId,
  sandboxMailchimpKey,
  sandboxOrganization,
  seedBeside,
  seedOrganization,
  seedPeople,
  startAudienceLife,
  startCampaignMonitor,
  startClassy,
  startGhost,
  startGiving,
  startMailchimp,
  startTraffic,
} from '../../sandbox/index.js';
import type { SandboxOrganization } from './messages.js';
import type { RunningRole } from './server-role.js';

const SITE = 'sandbox';
const WEBHOOK_SECRET = 'sandbox-webhook-secret';
const API_KEY = 'sandbox-cm-key';
const PEOPLE = 25;
const SEED = 7;

/** A running sandbox: stand-ins of the vendors with people in them. */
export interface Sandbox extends RunningRole {
  url: string;
  /** What the configuration of its site would be. */
  variables: Record<string, string>;
  /** Undefined where the user has a Classy of their own. */
  organization: SandboxOrganization | undefined;
  /** Points the webhooks at Steward and lets life begin. */
  startTraffic(webhookBase: string): void;
}

/** Starts the stand-ins; they keep their state in the data folder. */
export async function startSandboxRole(config: Config, log: Logger): Promise<Sandbox> {
  const folder = config.dataDir ?? defaultDataDir(process.env);
  const campaignMonitor = await startCampaignMonitor({
    apiKeys: [API_KEY],
    snapshotFile: join(folder, 'sandbox-campaign-monitor.json'),
  });
  const ghost = await startGhost({ snapshotFile: join(folder, 'sandbox-ghost.json') });
  if (ghost.members.size === 0) seedPeople(ghost, PEOPLE, SEED);
  const classy = config.classyUrl === CLASSY_URL ? await startGivingClassy(folder) : undefined;
  // without an organization of its own there is nobody for an audience
  const mailchimp =
    classy && config.mailchimpUrl === undefined ? await startMailingMailchimp(folder, classy) : undefined;
  let traffic: { stop(): void }[] = [];
  return {
    url: ghost.url,
    variables: {
      SITE1_NAME: SITE,
      SITE1_GHOST_WEBHOOK_SECRET: WEBHOOK_SECRET,
      SITE1_GHOST_URL: ghost.url,
      SITE1_GHOST_ADMIN_API_KEY: ghost.adminApiKey,
      SITE1_CM_LIST_ID: sandboxListId,
      CM_API_KEY: API_KEY,
      CM_API_URL: campaignMonitor.url,
      ...(classy ? { CLASSY_API_URL: classy.url, CLASSY_TOKEN_URL: classy.tokenUrl } : {}),
      // made-up people are not for an audience of the user's
      ...(mailchimp ? { MAILCHIMP_API_URL: mailchimp.url, MAILCHIMP_API_KEY: '', MAILCHIMP_LIST_ID: '' } : {}),
    },
    organization: classy && organizationOf(sandboxOrganization, mailchimp),
    startTraffic(webhookBase) {
      for (const { id } of [...ghost.webhooks.list]) ghost.webhooks.remove(id);
      for (const event of ['member.added', 'member.edited', 'member.deleted'] as const) {
        ghost.webhooks.add({
          event,
          targetUrl: `${webhookBase}/webhook/ghost/${SITE}?event=${event}`,
          secret: WEBHOOK_SECRET,
        });
      }
      traffic = [
        startTraffic(ghost),
        ...(classy ? [startGiving(classy, sandboxOrganization.id)] : []),
        ...(mailchimp ? [startAudienceLife(mailchimp.audience())] : []),
      ];
      log.info(
        { ghost: ghost.url, campaignMonitor: campaignMonitor.url, classy: classy?.url, mailchimp: mailchimp?.url },
        'sandbox: a few members sign up and change every minute, and gifts keep arriving',
      );
    },
    async stop() {
      for (const one of traffic) one.stop();
      await ghost.settled();
      await Promise.all([ghost.close(), campaignMonitor.close(), classy?.close(), mailchimp?.close()]);
    },
  };
}

/** A Classy with a small organization in it, which keeps its state in the data folder. */
async function startGivingClassy(folder: string): ReturnType<typeof startClassy> {
  const classy = await startClassy({ snapshotFile: join(folder, 'sandbox-classy.json') });
  const { id } = sandboxOrganization;
  if (classy.organization(id).supporters.size === 0) seedOrganization(classy, id, 'small', SEED);
  return classy;
}

/** A MailChimp whose audience others have worked on, also with supporters of the organization; it keeps its state, too. */
async function startMailingMailchimp(folder: string, classy: SandboxClassy): Promise<SandboxMailchimp> {
  const mailchimp = await startMailchimp({ snapshotFile: join(folder, 'sandbox-mailchimp.json') });
  const audience = mailchimp.audience();
  if (audience.members().length === 0) seedBeside(audience, consentingAddresses(classy), SEED);
  return mailchimp;
}

/** Addresses of supporters who said yes, each once. */
function consentingAddresses(classy: SandboxClassy): string[] {
  const supporters = classy.organization(sandboxOrganization.id).supporters.list();
  const addressOf = (row: (typeof supporters)[number]): string => String(row['email_address'] ?? '').toLowerCase();
  const refusing = new Set(supporters.filter((row) => row['opt_in'] !== true).map(addressOf));
  return [...new Set(supporters.map(addressOf))].filter((address) => address !== '' && !refusing.has(address));
}

function organizationOf(
  { id, name, timeZone, currency, clientId, clientSecret }: typeof sandboxOrganization,
  mailchimp: SandboxMailchimp | undefined,
): SandboxOrganization {
  return {
    ...{ id: String(id), name, timeZone: timeZone ?? 'UTC', currency: currency ?? 'USD' },
    credentials: { clientId, clientSecret, ...(mailchimp ? { mailchimpApiKey: sandboxMailchimpKey } : {}) },
    ...(mailchimp ? { mailchimpListId: sandboxAudienceId } : {}),
  };
}
