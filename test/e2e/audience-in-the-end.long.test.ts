import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type FaultsPatch, sandboxMailchimpKey, seededRandom } from '../../src/sandbox/index.js';
import { AudienceStory, ODD } from '../support/audience-story.js';
import { createMailchimpBed, type MailchimpBed } from '../support/mailchimp-bed.js';

const env = process.env;
const SEEDS = (env['AUDIENCE_SEEDS'] ?? '7').split(',').map(Number);
const ROUNDS = Number(env['AUDIENCE_ROUNDS'] ?? 6);
const PEOPLE = Number(env['AUDIENCE_PEOPLE'] ?? 60);
const TIMEOUT_MS = 1_500;
/** Hangs end that much later than our time-out. */
const HANG_MS = 2_000;
const FIELDS = ['FIRSTGIFT', 'LASTGIFT', 'LASTAMT', 'LARGEGIFT', 'DONORLEVEL', 'ENGAGEMENT', 'FREQUENCY', 'CLASSYID'];
const today = (): string => new Date().toISOString().slice(0, 10);

const BATCH = '/lists/[^/]+\\?skip';
const FAULTS: FaultsPatch[] = [
  {},
  {},
  { failEvery: { nth: 3, status: 429 } },
  { failEvery: { nth: 3, status: 500 } },
  { failEvery: { nth: 2, status: 503, body: 'html' } },
  { failEvery: { nth: 4, status: 429, body: 'html' } },
  { html: true },
  { edgeForbidden: true },
  { unauthorized: true },
  { outage: true },
  { dropEvery: 4 },
  { hangOnce: { afterStoringMs: HANG_MS, match: BATCH } },
  { hangOnce: { beforeStoringMs: HANG_MS, match: BATCH } },
  { hangOnce: { afterStoringMs: HANG_MS, match: '/segments/' } },
  { hangOnce: { afterStoringMs: HANG_MS, match: '/members/' } },
  { failEvery: { nth: 2, status: 500, match: '/tags' } },
  { failEvery: { nth: 3, status: 500, match: '/segments' } },
];

describe.each(SEEDS)('a random history (AUDIENCE_SEEDS=%s)', (seed) => {
  const random = seededRandom(seed);
  let world: MailchimpBed;
  let story: AudienceStory;
  let hangs = 0;

  beforeAll(async () => {
    world = await createMailchimpBed({
      name: `audience_in_the_end_${seed}`,
      file: {
        guard: { people: 1_000_000, share: 1 },
        timeouts: { mailchimp: `${TIMEOUT_MS}ms` },
        segments: { lifecycle: true, fields: FIELDS, onOptOut: seed % 3 === 0 ? 'archive' : 'unsubscribe' },
      },
    });
    story = new AudienceStory(random, world.mailchimp, world.audience, PEOPLE);
    const file = env['AUDIENCE_LOG'];
    if (file) story.onLog = (line) => appendFileSync(file, `${new Date().toISOString()} ${line}\n`);
    for (let n = 0; n < PEOPLE; n += 1) story.signUp();
    story.happenThere(20);
  }, 120_000);
  afterAll(async () => {
    await world?.stop();
  }, 60_000);

  const due = async (): Promise<number> => {
    const [row] = (await world.sql('SELECT count(*)::int AS due FROM contacts WHERE due_at IS NOT NULL')) as {
      due: number;
    }[];
    return row!.due;
  };

  /** In place of waiting for minutes: whoever is put off is due now, once MailChimp works on nothing any more. */
  async function letTimePass(): Promise<void> {
    if (world.mailchimp.connections.open(sandboxMailchimpKey) > 0) return;
    await world.sql(
      'UPDATE contacts SET due_at = now(), under_way_until = least(under_way_until, now()) WHERE due_at > now()',
    );
  }

  async function settled(withinMs: number): Promise<boolean> {
    const end = Date.now() + withinMs;
    while (Date.now() < end) {
      if ((await due()) === 0) return true;
      await letTimePass();
      await sleep(200);
    }
    return false;
  }

  const look = () => {
    const seen = story.seen;
    story.seen = { added: new Set(), moved: new Set(), removed: new Set() };
    return seen;
  };

  async function sync(more: Parameters<MailchimpBed['sync']>[0] = {}) {
    story.isIdle = false;
    story.note(`  sync begins ${JSON.stringify(more)}`);
    const passing = setInterval(() => void letTimePass().catch(() => undefined), 1_000);
    const run = await world.sync(more).finally(() => clearInterval(passing));
    story.note(
      `  sync ${JSON.stringify(more)} ${run.mode} ${run.result} ${run.message ?? ''} ${JSON.stringify(run.counts)}`,
    );
    if (run.result === 'failed') story.faults.push(`a sync failed: ${run.message}`);
    return run;
  }

  /** Faults for as long as most of a sync takes. */
  async function withFaults(work: () => Promise<unknown>): Promise<void> {
    const { faults, quirks, connections } = world.mailchimp;
    const patch = story.pick(FAULTS);
    story.note(`  faults ${JSON.stringify(patch)}`);
    faults.set(patch);
    if (patch.hangOnce) hangs = 1;
    const luck = random();
    if (luck < 0.2) connections.limit = 2;
    if (luck > 0.85) quirks.halfFailBatches = 2;
    if (luck > 0.7 && luck < 0.85)
      Object.assign(quirks, { poisonedBatch: story.pick(['named', 'unnamed', 'error'] as const) });
    if (luck > 0.7 && luck < 0.85) faults.poisonAddresses = [story.address()];
    quirks.batchCompliance = story.pick(['error', 'silent'] as const);
    quirks.takenAddress = story.pick(['member-exists', 'invalid-resource'] as const);
    quirks.segmentStrangers = story.pick(['reported', 'silent'] as const);
    quirks.segmentsNeedSubscribed = random() < 0.3;
    const healing = sleep(600 + random() * 1_500).then(heal);
    try {
      await work();
    } finally {
      await healing;
    }
  }

  function heal(): void {
    world.mailchimp.faults.clear();
    world.mailchimp.connections.limit = 10;
    world.mailchimp.quirks.halfFailBatches = 0;
  }

  /** While a sync runs. */
  async function meanwhile(): Promise<void> {
    if (random() < 0.3) return;
    await sleep(random() * 1_200);
    story.note('  meanwhile');
    story.happenInClassy(3);
    story.happenThere(3);
    await story.commit(world.give);
    if (random() < 0.25) {
      story.note('  restart');
      await world.restart();
    }
  }

  async function clean(): Promise<void> {
    look();
    const before = world.audience.writes.length;
    const run = await sync(random() < 0.3 ? { mode: 'full' } : {});
    if (!(await settled(8_000))) return;
    const counts = run.counts as Record<string, number>;
    const { added, moved, removed } = look();
    const written = world.audience.writes.slice(before).filter(({ operation }) => operation === 'batch');
    const updated = new Set(
      written
        .filter(({ address, status }) => status === 'subscribed' && !added.has(address))
        .map(({ address }) => address),
    );
    const told = {
      added: counts['added'],
      moved: counts['moved'],
      removed: counts['removed'],
      updated: counts['updated'],
    };
    const saw = { added: added.size, moved: moved.size, removed: removed.size, updated: updated.size };
    if (run.result === 'done' && JSON.stringify(told) !== JSON.stringify(saw))
      story.faults.push(`a run told ${JSON.stringify(told)} where MailChimp saw ${JSON.stringify(saw)}`);
  }

  async function rehearsed(): Promise<void> {
    const isCalm = (await due()) === 0;
    const writes = world.audience.writes.length;
    const run = await sync({ mode: 'full', dryRun: true });
    if (isCalm && world.audience.writes.length > writes) story.faults.push('a dry run wrote');
    if (run.planState !== 'open') return;
    if (random() < 0.5) {
      story.happenInClassy(3);
      story.happenThere(2);
      await story.commit(world.give);
    }
    await sync({ mode: 'apply', plan: run.id });
  }

  async function round(): Promise<void> {
    story.isIdle = (await due()) === 0;
    story.happenInClassy(12);
    story.happenThere(8);
    await story.commit(world.give);
    const luck = random();
    if (luck < 0.25) await clean();
    else if (luck < 0.4) await rehearsed();
    else
      await withFaults(async () => {
        const running = sync(random() < 0.3 ? { mode: 'full' } : {});
        await meanwhile();
        await running;
      });
    await settled(3_000);
  }

  test(
    'in the end the audience is what the notes say, and nobody was wronged on the way',
    async () => {
      await story.commit(world.give);
      await sync({ fast: random() < 0.3 });
      for (let n = 0; n < ROUNDS; n += 1) {
        story.note(`round ${n}`);
        await round();
      }
      heal();
      await world.restart();
      expect(await settled(30_000)).toBe(true);
      await sync({ mode: 'full' });
      await settled(30_000);
      await sync({ mode: 'full' });
      await settled(30_000);
      const calls = world.mailchimp.calls.length;
      const last = await sync({ mode: 'full' });
      const wrong = [...story.faults];
      if (last.result !== 'done') wrong.push(`the last sync ended ${last.result}: ${last.message}`);
      for (const { method, operation, addresses } of world.mailchimp.calls.slice(calls))
        if (method !== 'GET') wrong.push(`one more full sync calls ${operation} for ${addresses}`);
      for (const address of story.addresses) {
        const what = story.verdict(address, today());
        if (what) wrong.push(`${address} ${what}`);
      }
      wrong.push(...written(), ...sent(), ...(await stuck()));
      story.note(`${story.shown.length} of ${story.addresses.length} addresses are shown`);
      if (wrong.length > 0) throw new Error(await told(wrong));
    },
    60_000 + ROUNDS * 15_000,
  );

  /** Of the writes that MailChimp stored: those of people of whom the ledger knew no consent. */
  const written = (): string[] =>
    world.audience.writes
      .filter(({ address, at, operation, status, mergeFields }) => {
        const takesOff =
          status !== 'subscribed' && Object.keys(mergeFields).length === 0 && /patch|archive/.test(operation);
        return !takesOff && (!story.mayBeWritten(address, at) || ODD.includes(address));
      })
      .map(({ address, at, operation }) => `${address} was written without consent by ${operation} at ${at}`);

  /** Of the bodies that were sent (the newest 2,000): statuses that must not be. */
  function sent(): string[] {
    const bad: string[] = [];
    for (const { body, operation, path } of world.mailchimp.calls) {
      const {
        status,
        members = [],
        sync_tags,
      } = (body ?? {}) as {
        status?: string;
        sync_tags?: boolean;
        members?: { status?: string; status_if_new?: string }[];
      };
      if (status !== undefined && status !== 'unsubscribed') bad.push(`${operation} ${path} sent status ${status}`);
      if (sync_tags) bad.push(`${operation} sent sync_tags`);
      for (const one of members) {
        if (one.status !== undefined) bad.push(`${operation} sent status ${one.status} of a person`);
        if (one.status_if_new !== 'subscribed') bad.push(`${operation} sent status_if_new ${one.status_if_new}`);
      }
    }
    // a call that hangs on after our time-out keeps its connection
    if (world.mailchimp.connections.highest > 8 + hangs) bad.push(`${world.mailchimp.connections.highest} connections`);
    return bad;
  }

  async function stuck(): Promise<string[]> {
    const rows = (await world.sql(`
      SELECT address || ' is due' AS what FROM contacts WHERE due_at IS NOT NULL
      UNION ALL SELECT address || ' is under way' FROM contacts WHERE under_way_until IS NOT NULL
      UNION ALL SELECT address || ' is held' FROM holds
      UNION ALL SELECT address || ' has an open removal' FROM removals WHERE done_at IS NULL AND void_at IS NULL
      UNION ALL SELECT coalesce(address, member_id) || ' is parked' FROM parked WHERE cleared_at IS NULL
      UNION ALL SELECT audience || ' is paused' FROM audiences WHERE paused_since IS NOT NULL`)) as { what: string }[];
    return rows.map(({ what }) => what);
  }

  /** For the reader of a failure: what happened at each address that is wrong. */
  async function told(wrong: readonly string[]): Promise<string> {
    const texts: string[] = [`${wrong.length} wrong:`, ...wrong];
    const addresses = new Set(wrong.slice(0, 40).flatMap((one) => /^\S+@\S+/.exec(one) ?? []));
    for (const address of [...addresses].slice(0, 6)) {
      const general = /^(round| {2}(sync|faults|meanwhile|restart))/;
      const name = address.split('@')[0]!;
      const ids = [...story.supporters.values()].filter(({ email }) => email?.trim().toLowerCase() === address);
      const mine = (line: string): boolean =>
        general.test(line) ||
        new RegExp(`\\b${name}@`, 'i').test(line) ||
        ids.some(({ id }) => new RegExp(`(^|and |new |missing )${id} \\(`).test(line));
      const rows = await Promise.all(
        ['contacts', 'pushes', 'opt_outs', 'removals'].map((table) =>
          world.sql(`SELECT to_jsonb(t) AS ${table} FROM ${table} t WHERE address = '${address}'`),
        ),
      );
      texts.push(
        `## ${address}`,
        ...story.log.filter(mine),
        `supporters ${JSON.stringify(ids)}`,
        story.whereabouts(address),
        `consents ${story.consentStory(address)}`,
        `member ${JSON.stringify(world.audience.member(address))}`,
        ...world.audience.historyOf(address).map((one) => `history ${JSON.stringify(one)}`),
        ...world.audience
          .writesOf(address)
          .map(
            ({ at, operation, tagsAdded, tagsRemoved, status }) =>
              `write ${new Date(at).toISOString()} ${operation} ${status} +${tagsAdded} -${tagsRemoved}`,
          ),
        ...rows.flat().map((row) => JSON.stringify(row)),
      );
    }
    return texts.join('\n');
  }
});
