import { normalize } from 'node:path';
import { z } from 'zod';
import { createCampaignMonitorClient } from '../vendors/campaign-monitor/client.js';
import { createMailchimpClient } from '../vendors/mailchimp/client.js';
import { campaignMonitorCapabilities, createCampaignMonitorList } from './campaign-monitor.js';
import { createCsvFile, csvCapabilities } from './csv.js';
import { type DestinationKind, defineDestination } from './destination-kind.js';
import { createMailchimpAudience, mailchimpCapabilities } from './mailchimp.js';

const campaignMonitor = defineDestination({
  name: 'campaign-monitor',
  title: 'Campaign Monitor',
  settings: z.strictObject({
    apiKey: z.string().min(1),
    listId: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 32 letters and digits: list settings, API list id'),
    consentToTrack: z.enum(['Yes', 'No', 'Unchanged']).default('Unchanged'),
  }),
  audienceOf: ({ listId }) => listId,
  capabilities: () => campaignMonitorCapabilities,
  create({ apiKey, listId, consentToTrack }, { http, fields, url }) {
    const options = http(apiKey);
    const client = createCampaignMonitorClient({ url: url ?? CAMPAIGN_MONITOR_URL, apiKey, ...options });
    return createCampaignMonitorList({ client, listId, consentToTrack, fields, timeoutMs: options.timeoutMs });
  },
});

const mailchimp = defineDestination({
  name: 'mailchimp',
  title: 'MailChimp',
  settings: z.strictObject({
    apiKey: z.string().min(1),
    listId: z
      .string()
      .regex(/^[0-9a-z]{1,40}$/i, 'must be an audience id: Audience → Settings → Audience name and defaults'),
  }),
  audienceOf: ({ listId }) => listId,
  capabilities: ({ onRemoval }) => mailchimpCapabilities(onRemoval),
  create({ apiKey, listId }, { http, audience, fields, onRemoval, url }) {
    const options = http(apiKey);
    const client = createMailchimpClient({ url, apiKey, ...options });
    return createMailchimpAudience({ client, listId, audience, fields, onRemoval, timeoutMs: options.timeoutMs });
  },
});

const csv = defineDestination({
  name: 'csv',
  title: 'a CSV file',
  settings: z.strictObject({
    file: z.string().min(1).describe('Path of the file; a relative one is in the data folder, under `csv`'),
  }),
  audienceOf: ({ file }) => `csv/${normalize(file)}`,
  capabilities: () => csvCapabilities,
  create: ({ file }, { audience, fields, folder }) => createCsvFile({ file, folder, audience, fields }),
});

/** Where Campaign Monitor is unless CM_API_URL says otherwise. */
export const CAMPAIGN_MONITOR_URL = 'https://api.createsend.com/api/v3.3';

/** Every kind of destination there is: a new one is a line here. */
export const destinationKinds = { 'campaign-monitor': campaignMonitor, mailchimp, csv } as const satisfies Record<
  string,
  DestinationKind
>;
