import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '@temporalio/client';
import type { RunningRole } from '../../src/cli/processes/server-role.js';
import { startWorkerRole } from '../../src/cli/processes/worker-role.js';
import { catchUpWorkflowId, memberWorkflowId } from '../../src/contract/workflow-ids.js';
import {
  type Delivery,
  type SandboxGhost,
  sandboxAdminApiKey,
  seededRandom,
  startGhost,
} from '../../src/sandbox/index.js';
import { openClient } from '../../src/temporal/connection.js';
import { createStarter } from '../../src/temporal/starter.js';
import { installRuntime } from '../../src/temporal/workers.js';
import { eventually } from '../support/eventually.js';
import { record, shuffle } from '../support/recorded.js';
import { storeDeliveries } from '../support/stored.js';
import { createTestbed, type Testbed, tickingClock } from '../support/testbed.js';
import { differences } from '../support/truth.js';

/** Deliveries of more members than this are caught up with in pages. */
const EDGE = 200;
/** More than the edge and the 64 together that live runs take at once. */
const MANY = 270;
/** Members of `keyed` who are not like the others, by their number. */
const [LEASED, PARKED, ODD, GONE] = [7, 80, 150, 220];
/** Told by one Ghost, once as it comes and once as a backlog. */
const LIVE = ['live', 'live-keyless'];
const BULK = ['bulk', 'bulk-keyless', 'shuffled', 'shuffled-keyless'];
const STORIES = 20;

let bed: Testbed;
let client: Client;
let worker: RunningRole | undefined;
/** The one Ghost behind `LIVE` and `BULK`. */
let told: SandboxGhost;
/** Members of `keyed`. */
let keyed: string[];

const startWorker = (): Promise<RunningRole> =>
  startWorkerRole({ config: bed.config, stores: bed.stores, log: bed.log });

beforeAll(async () => {
  told = await startGhost({ now: tickingClock() });
  const shared = { GHOST_URL: told.url, GHOST_ADMIN_API_KEY: sandboxAdminApiKey };
  bed = await createTestbed({
    name: 'catch_up',
    sites: [
      { name: 'few' },
      ...['keyless', 'keyed', 'down'].map((name) => ({ name, withKey: name !== 'keyless', now: tickingClock() })),
      ...[...LIVE, ...BULK].map((name) =>
        name.endsWith('keyless') ? { name } : { name, withKey: true, variables: shared },
      ),
    ],
    file: { guard: { people: 1000 }, rateLimits: { ghost: { perMinute: 100_000, burst: 1000 } } },
  });
  installRuntime(bed.log);
  client = openClient(bed.stores.temporal);
  await bed.startServer();
});
afterAll(async () => {
  await worker?.stop();
  await client.connection.close();
  await bed.stop();
  await told.close();
});

/** What a Ghost would have told by webhooks. */
function tellings(ghost: SandboxGhost, live: () => void): Promise<Delivery[]> {
  ghost.dropWebhooks(true);
  return record(ghost, live);
}

const signUps = (ghost: SandboxGhost, domain: string, people: number): Promise<Delivery[]> =>
  tellings(ghost, () => {
    for (let n = 0; n < people; n += 1) ghost.members.add({ email: `p${n}@${domain}`, name: `Person ${n}` });
  });

/** Lives of some members, chapter by chapter: paid, renamed or moved, comped, free or deleted, and some sign up again. */
async function tellStories(after: (chapter: Delivery[]) => Promise<void>): Promise<Delivery[]> {
  const { members } = told;
  const email = (n: number) => `s${n}@stories.example.org`;
  const all: string[] = [];
  const chapters: ((n: number) => unknown)[] = [
    (n) => all.push(members.add({ email: email(n), name: `Story ${n}` }).id),
    (n) => members.edit(all[n]!, { status: 'paid', labels: ['First'] }),
    (n) => members.edit(all[n]!, n % 3 === 0 ? { email: `moved-${email(n)}` } : { name: `Renamed ${n}` }),
    (n) => (n % 4 === 0 ? members.remove(all[n]!) : members.edit(all[n]!, { status: n % 2 === 0 ? 'comped' : 'free' })),
    (n) => n % 8 === 0 && members.add({ email: email(n), name: `Again ${n}` }),
  ];
  const deliveries: Delivery[] = [];
  for (const chapter of chapters) {
    const news = await tellings(told, () => {
      for (let n = 0; n < STORIES; n += 1) chapter(n);
    });
    await after(news);
    deliveries.push(...news);
  }
  return deliveries;
}

/** Deliveries that are caught up with however few they are. */
async function backlog(site: string, deliveries: readonly Delivery[]): Promise<void> {
  // in portions: a repeat in the same statement would not be one
  const [first, ...others] = deliveries;
  await storeDeliveries(bed.ledger, site, [first!]);
  expect(await bed.ledger.catchUp.claim([site], 0)).toEqual([{ site }]);
  for (let n = 0; n < others.length; n += 40) await storeDeliveries(bed.ledger, site, others.slice(n, n + 40));
  await createStarter(client).signalCatchUp(site);
}

const waiting = async (site: string): Promise<number> =>
  (await bed.ledger.status.sites()).find((one) => one.site === site)?.waiting ?? 0;

const isCaughtUpWith = async (site: string): Promise<boolean> => (await bed.ledger.catchUp.running()).has(site);

const hasRun = (id: string): Promise<boolean> =>
  client.workflow
    .getHandle(id)
    .describe()
    .then(
      () => true,
      () => false,
    );

describe('deliveries pile up while no worker runs', () => {
  it('leaves a site to live runs up to the edge, and hands it over to pages above it', async () => {
    const { ghost, ledger } = { ghost: bed.ghost('keyless'), ledger: bed.ledger };
    await storeDeliveries(ledger, 'keyless', await signUps(ghost, 'keyless.example.org', EDGE));
    // those whom the relay has claimed for live runs wait as well
    await ledger.inbox.wakeAll('keyless');
    expect(await ledger.catchUp.claim(['keyless'])).toEqual([]);
    expect(await isCaughtUpWith('keyless')).toBe(false);
    await storeDeliveries(ledger, 'keyless', await signUps(ghost, 'more.example.org', 1));
    await eventually(async () => {
      await ledger.inbox.wakeAll('keyless');
      return isCaughtUpWith('keyless');
    });
  });

  it('says since when it is caught up with, and wakes nobody of it meanwhile', async () => {
    const all = await signUps(bed.ghost('keyed'), 'keyed.example.org', MANY);
    await disturb(all.map(({ memberId }) => memberId));
    await storeDeliveries(bed.ledger, 'keyed', all);
    await eventually(() => isCaughtUpWith('keyed'));
    const since = (await bed.ledger.catchUp.running()).get('keyed')!;
    expect(Date.now() - since.getTime()).toBeLessThan(60_000);
    expect(await bed.ledger.inbox.claimWakes(1000)).toEqual([]);
  });

  /** Somebody else holds the lease of one, one is parked, one cannot be read, and one is gone from Ghost. */
  async function disturb(all: readonly string[]): Promise<void> {
    keyed = [...all];
    await bed.ledger.drain.lease('keyed', all[LEASED]!, 'a live run');
    await bed.ledger.parked.parkRead('keyed', all[PARKED]!, 'MemberUnreadable', 'was odd');
    bed.ghost('keyed').store.byId(all[ODD]!)!.created_at = 'nonsense';
    bed.ghost('keyed').members.bulkDelete([all[GONE]!]);
  }
});

describe('once the worker comes', () => {
  it('catches up, over a stop of the worker in the middle, hands over to live runs again, and ends', async () => {
    bed.ghost('down').faults.set({ html: true });
    await backlog('down', await signUps(bed.ghost('down'), 'down.example.org', 30));
    bed.ghost('keyed').faults.set({ latencyMs: 1_500, latencyMatch: 'id%3A%5B' });
    worker = await startWorker();
    // stopped with one page being drained and one being read
    await eventually(async () => (await waiting('keyed')) < MANY);
    await worker.stop();
    expect(await isCaughtUpWith('keyed')).toBe(true);
    expect(await waiting('keyed')).toBeGreaterThan(50);
    bed.ghost('keyed').faults.clear();
    worker = await startWorker();
    await eventually(async () => (await waiting('keyless')) === 0, { withinMs: 30_000 });
    await eventually(async () => !(await isCaughtUpWith('keyless')));
    const [late] = await signUps(bed.ghost('keyless'), 'late.example.org', 1);
    await storeDeliveries(bed.ledger, 'keyless', [late!]);
    await eventually(() => hasRun(memberWorkflowId('keyless', late!.memberId)));
  });

  it('leaves out whom another processor works on and whom nobody can read, and does the others', async () => {
    const left = await eventually(async () => {
      const deliveries = await bed.ledger.inbox.list({ site: 'keyed', state: 'waiting', limit: 10 });
      return deliveries.length <= 2 ? deliveries : undefined;
    });
    expect(left.map(({ memberId }) => memberId)).toEqual(expect.arrayContaining([keyed[ODD]]));
    await eventually(async () => (await bed.ledger.parked.list({ site: 'keyed' })).length === 0);
    await bed.ledger.drain.unlease('keyed', keyed[LEASED]!, 'a live run');
    bed.ghost('keyed').store.byId(keyed[ODD]!)!.created_at = '2024-05-01T00:00:00.000Z';
    await eventually(async () => (await waiting('keyed')) === 0, { withinMs: 40_000 });
    const [gone] = await bed.ledger.status.members('keyed', keyed[GONE]!);
    expect(gone).toMatchObject({ deletedAt: null });
    expect(gone!.suspectedGoneAt).not.toBeNull();
  });

  it('pauses while Ghost is down, over a change of workers, and resumes by itself', async () => {
    await eventually(async () => (await bed.ledger.sites.pauses()).get('down')?.type === 'SourceDown');
    expect(await isCaughtUpWith('down')).toBe(true);
    expect(await waiting('down')).toBe(30);
    await worker!.stop();
    bed.ghost('down').faults.clear();
    worker = await startWorker();
    await eventually(async () => (await waiting('down')) === 0, { withinMs: 40_000 });
    expect((await bed.ledger.sites.pauses()).has('down')).toBe(false);
    await eventually(async () => !(await isCaughtUpWith('down')));
  });
});

describe('what comes of the same deliveries', () => {
  it('is the same as by live runs', async () => {
    const once = await tellStories(async (chapter) => {
      for (const site of LIVE) await storeDeliveries(bed.ledger, site, chapter);
      await eventually(async () => (await waiting(LIVE[0]!)) + (await waiting(LIVE[1]!)) === 0, { withinMs: 30_000 });
    });
    const twice = shuffle([...once, ...once], seededRandom(3));
    for (const site of BULK) await backlog(site, site.startsWith('shuffled') ? twice : once);
    await bed.settled(60_000);
    for (const site of LIVE) expect(await hasRun(catchUpWorkflowId(site))).toBe(false);
    for (const site of BULK) expect(await hasRun(memberWorkflowId(site, once[0]!.memberId))).toBe(false);
    const storyIds = [...new Set(once.map(({ memberId }) => memberId))];
    for (const id of storyIds) {
      const [live, liveKeyless] = await Promise.all(LIVE.map((site) => storyOf(site, id)));
      expect(await storyOf('bulk', id)).toEqual(live);
      expect(await storyOf('bulk-keyless', id)).toEqual(liveKeyless);
      const withoutOutcomes = { outcomes: expect.anything() };
      expect(await storyOf('shuffled', id)).toEqual({ ...live, ...withoutOutcomes });
      expect(await storyOf('shuffled-keyless', id)).toEqual({ ...liveKeyless, ...withoutOutcomes });
    }
  });

  it('is true at the lists', () => {
    for (const site of ['keyless', 'down']) expect(differences(bed, site)).toEqual([]);
    expect(differences(bed, 'keyed')).toEqual([expect.stringContaining(`p${GONE}@keyed.example.org is Active but`)]);
    const behind = { cm: bed.cm, list: (site: string) => bed.list(site), ghost: () => told };
    for (const site of [...LIVE, ...BULK]) expect(differences(behind, site)).toEqual([]);
  });

  /** What the ledger and the list say of one member. */
  async function storyOf(site: string, id: string) {
    const [member] = await bed.ledger.status.members(site, id);
    const { transitions, deliveries } = await bed.ledger.history.ofMember(site, id);
    const isDeleted = member!.deletedAt !== null;
    const subscriber = bed.subscriber(site, member!.email!);
    const { ghost_last_updated: _, ...fields } = Object.fromEntries(subscriber?.fields ?? []);
    // without a transition of one's own nothing is said of it, so an earlier holder's may still be there
    if (!transitions.some(({ from }) => from !== null)) {
      delete fields['ghost_previous_status'];
      delete fields['ghost_status_changed_at'];
    }
    return {
      email: member!.email,
      name: member!.name,
      status: member!.status,
      labels: member!.labels,
      isDeleted,
      history: transitions.map(({ from, to, at, foundBy }) => ({ from, to, at: at.getTime(), foundBy })),
      outcomes: deliveries
        .toSorted((a, b) => a.signedAt.getTime() - b.signedAt.getTime())
        .map(({ event, outcome }) => `${event}: ${outcome}`),
      list: isDeleted ? 'nothing' : { state: subscriber?.state, name: subscriber?.name, fields },
    };
  }
});
