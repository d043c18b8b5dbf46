import { join } from 'node:path';
import { CLASSY_URL, type Config } from '../../config/config.js';
import { defaultDataDir } from '../../embedded/data-folder.js';
import type { Logger } from '../../observe/log.js';
import {
  sandboxListId,
  sandboxOrganization,
  seedOrganization,
  seedPeople,
  startCampaignMonitor,
  startClassy,
  startGhost,
  startGiving,
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
    },
    organization: classy && organizationOf(sandboxOrganization),
    startTraffic(webhookBase) {
      for (const { id } of [...ghost.webhooks.list]) ghost.webhooks.remove(id);
      for (const event of ['member.added', 'member.edited', 'member.deleted'] as const) {
        ghost.webhooks.add({
          event,
          targetUrl: `${webhookBase}/webhook/ghost/${SITE}?event=${event}`,
          secret: WEBHOOK_SECRET,
        });
      }
      traffic = [startTraffic(ghost), ...(classy ? [startGiving(classy, sandboxOrganization.id)] : [])];
      log.info(
        { ghost: ghost.url, campaignMonitor: campaignMonitor.url, classy: classy?.url },
        'sandbox: a few members sign up and change every minute, and gifts keep arriving',
      );
    },
    async stop() {
      for (const one of traffic) one.stop();
      await ghost.settled();
      await Promise.all([ghost.close(), campaignMonitor.close(), classy?.close()]);
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

function organizationOf({
  id,
  name,
  timeZone,
  currency,
  clientId,
  clientSecret,
}: typeof sandboxOrganization): SandboxOrganization {
  const credentials = { clientId, clientSecret };
  return { id: String(id), name, timeZone: timeZone ?? 'UTC', currency: currency ?? 'USD', credentials };
}
