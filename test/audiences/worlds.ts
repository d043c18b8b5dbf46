import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCampaignMonitorList } from '../../src/audiences/campaign-monitor.js';
import { createCsvFile } from '../../src/audiences/csv.js';
import type { Destination } from '../../src/audiences/destination.js';
import { createMailchimpAudience } from '../../src/audiences/mailchimp.js';
import type { FieldTypes } from '../../src/domain/contact.js';
import {
  sandboxAudienceId,
  sandboxListId,
  sandboxMailchimpKey,
  startCampaignMonitor,
  startMailchimp,
} from '../../src/sandbox/index.js';
import { createCampaignMonitorClient } from '../../src/vendors/campaign-monitor/client.js';
import { createMailchimpClient } from '../../src/vendors/mailchimp/client.js';

/** States that people and staff put somebody in, at every destination. */
export type PutState = 'Active' | 'Unsubscribed' | 'Bounced' | 'Deleted' | 'Unconfirmed';

/** One audience at one destination, empty at first, with the hands of the people in it and of staff. */
export interface World {
  destination: Destination;
  /** The same audience, with a key that is refused, or where the file cannot be read. */
  refused: Destination;
  title: string;
  /** Puts somebody in who was not there before. */
  put(email: string, state: PutState, tags?: readonly string[]): void | Promise<void>;
  /** Somebody who is Active says no. */
  leave(email: string): void | Promise<void>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 5_000;

/** A way to open a world whose contacts have these fields. */
export type OpenWorld = (fields: FieldTypes) => Promise<World>;

const campaignMonitor: OpenWorld = async (fields) => {
  const { url, state, close } = await startCampaignMonitor();
  const open = (apiKey: string): Destination => {
    const client = createCampaignMonitorClient({ url, apiKey, timeoutMs: TIMEOUT_MS });
    const list = { client, listId: sandboxListId, consentToTrack: 'Unchanged', fields, timeoutMs: TIMEOUT_MS } as const;
    return createCampaignMonitorList(list);
  };
  return {
    ...{ destination: open('sandbox-cm-key'), refused: open('wrong'), title: 'Sandbox list', close },
    put(email, as) {
      if (as === 'Unconfirmed') state.create(state.list(sandboxListId), email, 'Unconfirmed', 'Signed up');
      else state.addByStaff(sandboxListId, email);
      if (as === 'Unsubscribed') state.unsubscribe(sandboxListId, email);
      if (as === 'Bounced') state.bounce(sandboxListId, email);
      if (as === 'Deleted') state.deleteByStaff(sandboxListId, email);
    },
    leave: (email) => void state.unsubscribe(sandboxListId, email),
  };
};

const mailchimp: OpenWorld = async (fields) => {
  const sandbox = await startMailchimp();
  const audience = sandbox.audience();
  const open = (apiKey: string): Destination => {
    const client = createMailchimpClient({ url: sandbox.url, apiKey, timeoutMs: TIMEOUT_MS });
    const ofList = {
      listId: sandboxAudienceId,
      audience: 'mailchimp/test',
      onRemoval: 'archive',
      timeoutMs: TIMEOUT_MS,
    } as const;
    return createMailchimpAudience({ client, fields, ...ofList });
  };
  const destination = open(sandboxMailchimpKey);
  return {
    ...{ destination, refused: open('wrong-us21'), title: 'Sandbox audience', close: sandbox.close },
    put(email, as, tags = []) {
      audience.addByStaff(email, { tags: [...tags], ...(as === 'Unconfirmed' ? { status: 'pending' } : {}) });
      if (as === 'Unsubscribed') audience.unsubscribe(email);
      if (as === 'Bounced') audience.bounce(email);
      if (as === 'Deleted') audience.archiveByStaff(email);
    },
    leave: (email) => audience.unsubscribe(email),
  };
};

const csv: OpenWorld = async (fields) => {
  const folder = await mkdtemp(join(tmpdir(), 'steward-csv-'));
  const path = join(folder, 'csv', 'donors.csv');
  await mkdir(join(folder, 'csv', 'folder.csv'), { recursive: true });
  const open = (file: string): Destination => createCsvFile({ file, folder, fields, audience: 'csv/test' });
  const typed = async (change: (text: string) => string): Promise<void> => {
    const text = await readFile(path, 'utf8').catch(() => 'email,state,tags\n');
    await writeFile(path, change(text));
    await chmod(path, 0o600);
  };
  return {
    ...{ destination: open('donors.csv'), refused: open('folder.csv'), title: 'donors.csv' },
    put: (email, state, tags = []) =>
      typed((text) => {
        const cells: Record<string, string> = { email, state, tags: tags.join(';') };
        const [header = ''] = text.split('\n');
        return `${text}${header.split(',').map((column) => cells[column] ?? '')}\n`;
      }),
    leave: (email) => typed((text) => text.replace(new RegExp(`^(${email},.*?)Active`, 'im'), '$1unsubscribed')),
    close: () => rm(folder, { recursive: true }),
  };
};

/** Every destination there is; a new one joins here. */
export const worlds: readonly (readonly [name: string, open: OpenWorld])[] = [
  ['campaign-monitor', campaignMonitor],
  ['mailchimp', mailchimp],
  ['csv', csv],
];
