import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { audience, delivery, type OpenLedger, openLedger, site } from './open-ledger.js';

let open: OpenLedger;
const HOUR = 3_600_000;
const ago = (hours: number): Date => new Date(Date.now() - hours * HOUR);

beforeAll(async () => {
  open = await openLedger('proof');
});
afterAll(() => open.close());
beforeEach(() => open.clear());

interface Run {
  hours: number;
  kind?: string;
  foundBy?: string;
  first?: boolean;
  dryRun?: boolean;
  marks?: boolean;
}

/** An ended run that began so many hours ago, and one change that it found. */
async function ran({ hours, kind = 'added', foundBy = 'walk', ...more }: Run): Promise<void> {
  const id = randomUUID();
  const times = { startedAt: ago(hours), endedAt: ago(hours - 0.01) };
  await open.prisma.syncRun.create({
    data: { id, site, audience, mode: 'walk', dryRun: false, startedBy: 'schedule', result: 'done', ...times, ...more },
  });
  await open.prisma.memberChange.create({
    data: { site, memberId: 'm', kind, foundBy, runId: id, at: times.startedAt },
  });
}

async function heard(event: string, hours: number): Promise<void> {
  const { id, signature, signedAt } = delivery('m');
  const data = { id, site, memberId: 'm', event, signature, signedAt, payload: {}, receivedAt: ago(hours) };
  await open.prisma.delivery.create({ data });
}

const silent = async () =>
  (await open.ledger.proof.silentWebhooks([site, 'other'])).map(({ kind, since }) => [
    kind,
    Math.round((Date.now() - since.getTime()) / HOUR),
  ]);

describe('a kind of webhook is silent', () => {
  it('when two runs an hour apart found such changes and none came since the first began', async () => {
    await ran({ hours: 5 });
    await ran({ hours: 3 });
    await ran({ hours: 2 });
    await heard('member.added', 6);
    await heard('member.edited', 4);
    expect(await silent()).toEqual([['added', 5]]);
  });

  it('each by itself', async () => {
    for (const kind of ['edited', 'deleted']) for (const hours of [4, 2]) await ran({ hours, kind });
    expect(await silent()).toEqual([
      ['deleted', 4],
      ['edited', 4],
    ]);
  });

  it.each<[string, () => Promise<void>]>([
    ['one run alone found any', () => ran({ hours: 2 })],
    ['the runs are less than an hour apart', () => ran({ hours: 4.5 }).then(() => ran({ hours: 4 }))],
    [
      'one came between them',
      async () => {
        await ran({ hours: 5 });
        await heard('member.added', 4);
        await ran({ hours: 3 });
      },
    ],
    [
      'one came after both',
      async () => {
        await ran({ hours: 5 });
        await ran({ hours: 3 });
        await heard('member.added', 1);
      },
    ],
    ['both are older than a week', () => ran({ hours: 200 }).then(() => ran({ hours: 190 }))],
    ['webhooks found the changes', () => ran({ hours: 5, foundBy: 'webhook' }).then(() => ran({ hours: 3 }))],
    ['one is the first full sync of its list', () => ran({ hours: 5, first: true }).then(() => ran({ hours: 3 }))],
    ['one only recorded', () => ran({ hours: 5, marks: false }).then(() => ran({ hours: 3 }))],
    ['one was a dry run', () => ran({ hours: 5, dryRun: true }).then(() => ran({ hours: 3 }))],
  ])('but not when %s', async (_when, happen) => {
    await happen();
    expect(await silent()).toEqual([]);
  });
});

describe('who opted out at the list', () => {
  it('is told by the month of the list, else by when we learned of it, and only of living members', async () => {
    const optOut = async (name: string, state: string, listDate: string | null, at: Date, isMember = true) => {
      const address = `${name}@example.org`;
      await open.prisma.optOut.create({ data: { audience, address, state, listDate, at } });
      if (isMember) await open.prisma.member.create({ data: { site, memberId: name, email: address, address } });
    };
    const month = new Date().toISOString().slice(0, 7);
    await optOut('by-list', 'Unsubscribed', '2026-03-31 23:59:00', new Date());
    await optOut('by-us', 'Bounced', null, new Date());
    await optOut('gone', 'Unsubscribed', '2026-03-02 10:00:00', new Date(), false);
    const { optOuts } = open.ledger;
    expect(await optOuts.ofMonth(site, audience, '2026-03')).toMatchObject([
      { address: 'by-list@example.org', memberId: 'by-list', state: 'Unsubscribed', listDate: '2026-03-31 23:59:00' },
    ]);
    expect(await optOuts.ofMonth(site, audience, month)).toMatchObject([{ memberId: 'by-us', listDate: null }]);
    expect(await optOuts.ofMonth(site, audience, '2026-04')).toEqual([]);
    const months = await optOuts.byMonth(site, audience);
    expect(months).toHaveLength(12);
    expect(months[0]).toEqual({ month, unsubscribed: 0, bounced: 1, suppressed: 0, deleted: 0 });
  });
});

describe('the verdicts of a site', () => {
  it('count every living member once', async () => {
    const member = (memberId: string, more: object = {}) => {
      const email = `${memberId}@example.org`;
      return open.prisma.member.create({
        data: { site, memberId, email, address: email, emailEnabled: true, ...more },
      });
    };
    const contact = (name: string, settledOutcome: string, listState: string, more: object = {}) =>
      open.prisma.contact.create({
        data: { audience, address: `${name}@example.org`, settledOutcome, listState, settledAt: ago(2), ...more },
      });
    await open.prisma.audience.create({ data: { audience, adoptedAt: ago(10) } });
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) await member(name);
    await member('deleted', { deletedAt: ago(1) });
    await contact('a', 'confirmed', 'Active');
    await contact('b', 'opted-out', 'Unsubscribed');
    await contact('c', 'confirmed', 'Active', { dueAt: ago(3) });
    await contact('d', 'withheld', 'Absent');
    await contact('e', 'confirmed', 'Active');
    await open.prisma.parked.create({
      data: { site, memberId: 'e', step: 'pushContact', type: 'X', message: 'x', since: ago(5) },
    });
    await contact('f', 'unconfirmed', 'Unconfirmed');
    const found = await open.ledger.proof.verdicts({ site, audience, takesOffDisabled: false });
    expect(Object.fromEntries(found.map(({ verdict, count }) => [verdict, count]))).toEqual({
      true: 2,
      'opted out there': 1,
      'on the way': 1,
      parked: 1,
      differs: 2,
    });
    const since = found.find(({ verdict }) => verdict === 'on the way')!.since!;
    expect(Math.round((Date.now() - since.getTime()) / HOUR)).toBe(3);
  });
});
