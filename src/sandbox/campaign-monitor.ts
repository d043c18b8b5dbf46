import { ClientClock } from './campaign-monitor/clock.js';
import { errorBody, jsonAnswer } from './campaign-monitor/errors.js';
import type { Context } from './campaign-monitor/exchange.js';
import { answerCampaignMonitor, basePath } from './campaign-monitor/routes.js';
import { dumpState, loadState } from './campaign-monitor/saved.js';
import { CampaignMonitorState, type ListInput } from './campaign-monitor/state.js';
import { Faults } from './faults.js';
import { openSnapshot, type Snapshot } from './snapshot.js';
import { type Call, serve } from './stand-in.js';

/** How a stand-in of Campaign Monitor is set up; everything has a default. */
export interface CampaignMonitorOptions {
  port?: number;
  /** Default `['sandbox-cm-key']`. */
  apiKeys?: string[];
  clientId?: string;
  /** How far the client's clock is ahead of UTC; default 600, so that nobody mistakes it for UTC. */
  timeZoneOffsetMinutes?: number;
  /** Default: one list, `sandboxListId`. */
  lists?: ListInput[];
  now?: () => Date;
  /** Milliseconds until a single add is visible; default 100. Imports are always visible at once. */
  addDelayMs?: number;
  /** How custom field keys are read back; the vendor has been seen to do all three. Default `plain`. */
  keyStyle?: 'plain' | 'bracketed' | 'name';
  /** What somebody unsubscribed and suppressed is refused with; default 206. */
  unsubscribedCode?: 204 | 206;
  /** Where the state is kept over restarts; default: nowhere. */
  snapshotFile?: string;
}

/** A running stand-in of Campaign Monitor. */
export interface SandboxCampaignMonitor {
  /** Base URL, such as `http://127.0.0.1:4000/api/v3.3`. */
  url: string;
  port: number;
  clientId: string;
  faults: Faults;
  state: CampaignMonitorState;
  calls: Call[];
  close(): Promise<void>;
}

/** The list a stand-in has when none is named. */
export const sandboxListId = 'a58ee1d3039b8bec838e6d1482a8a965';
const sandboxClientId = '4a397ccaaa55eb4e6aa1221e1e2d7122';

/** Starts Campaign Monitor's API v3.3 on 127.0.0.1 as shared/vendors/campaign-monitor.md describes it. */
export async function startCampaignMonitor(options: CampaignMonitorOptions = {}): Promise<SandboxCampaignMonitor> {
  const faults = new Faults();
  let snapshot: Snapshot | undefined;
  const clock = new ClientClock(options.now ?? (() => new Date()), options.timeZoneOffsetMinutes ?? 600);
  const state = new CampaignMonitorState(clock, options.apiKeys ?? ['sandbox-cm-key'], () => snapshot?.changed());
  const dump = () => dumpState(state);
  snapshot = openSnapshot(options.snapshotFile, (saved) => loadState(state, saved), dump);
  for (const list of options.lists ?? [{ listId: sandboxListId, title: 'Sandbox list' }]) {
    if (!state.lists.has(list.listId)) state.addList(list);
  }

  const queue = new Map<NodeJS.Timeout, () => void>();
  const context: Context = {
    state,
    faults,
    clientId: options.clientId ?? sandboxClientId,
    clientName: 'Sandbox client',
    keyStyle: options.keyStyle ?? 'plain',
    unsubscribedCode: options.unsubscribedCode ?? 206,
    later: (work) => {
      const timer = setTimeout(() => {
        queue.delete(timer);
        work();
      }, options.addDelayMs ?? 100);
      queue.set(timer, work);
    },
  };
  const server = await serve({
    faults,
    port: options.port,
    answer: (request, call) => answerCampaignMonitor(context, request, call),
    failure: ({ status }) => jsonAnswer(status, errorBody(status)),
    dump,
  });
  const close = async () => {
    await server.close();
    for (const [timer, work] of queue) {
      clearTimeout(timer);
      work();
    }
    snapshot?.close();
  };
  const url = `http://127.0.0.1:${server.port}${basePath}`;
  return { url, port: server.port, clientId: context.clientId, faults, state, calls: server.calls, close };
}
