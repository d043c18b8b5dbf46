import { describe, expect, test } from '@jest/globals';
import { readRecords } from '../../src/vendors/classy/records.js';

const at = '2025-02-11T09:30:00+0000';
type Resource = Parameters<typeof readRecords>[0];
const read = (resource: Resource, ...entries: unknown[]) => readRecords(resource, '34', entries);
const column = (resource: Resource, name: string, fields: object): unknown =>
  read(resource, { id: 1, updated_at: at, ...fields }).records[0]?.columns[name];

describe('amounts', () => {
  test.each([
    [52.5, '52.5'],
    ['52.50', '52.50'],
    [' 7 ', '7'],
    [0.1 + 0.2, '0.30000000000000004'],
    ['1234567890123.4567', '1234567890123.4567'],
    ['1e3', '1e3'],
    [1e-7, '1e-7'],
    [-5, '-5'],
    [0, '0'],
    [null, null],
    ['', null],
    [undefined, null],
  ])('%j is kept as %j', (amount, kept) => {
    expect(column('transactions', 'total_gross_amount', { total_gross_amount: amount })).toBe(kept);
  });

  test.each(['Hannah', '1,234.50', '0x10', 'NaN', '99999999999999.99999', 1e21, true, {}, ['5'], '٥'])(
    '%j is set aside, and its content is not told',
    (amount) => {
      const { records, setAside } = read('transactions', { id: 7, updated_at: at, total_gross_amount: amount });
      expect(records).toEqual([]);
      expect(setAside).toEqual([{ recordId: '7', reason: expect.stringMatching(/^total_gross_amount: [a-z ]+$/) }]);
    },
  );
});

describe('dates', () => {
  test.each([
    ['2025-02-11T09:30:00+0000', '2025-02-11T09:30:00.000Z'],
    ['2025-02-11T09:30:00Z', '2025-02-11T09:30:00.000Z'],
    ['2025-02-11T09:30:00.123+0000', '2025-02-11T09:30:00.123Z'],
    ['2025-02-11T09:30:00.123456Z', '2025-02-11T09:30:00.123Z'],
    ['2025-02-11T09:30:00-08:00', '2025-02-11T17:30:00.000Z'],
    ['2025-02-11T09:30:00+0530', '2025-02-11T04:00:00.000Z'],
    ['2025-02-11 09:30:00', '2025-02-11T09:30:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2023-02-29T00:00:00Z', null],
    ['0000-00-00 00:00:00', null],
    ['0000-01-01T00:00:00Z', null],
    ['0001-01-01T00:00:00+0100', null],
    ['9999-12-31T23:59:59-0100', null],
    ['yesterday', null],
    [1_700_000_000, null],
    [null, null],
  ])('%j is %j', (text, utc) => {
    expect(column('transactions', 'purchased_at', { purchased_at: text })).toBe(utc);
  });

  test.each([
    ['2025-03-11', '2025-03-11'],
    ['2025-03-11T23:00:00-0800', '2025-03-11'],
    ['2025-02-30', null],
    ['0000-01-01', null],
    ['03/11', null],
  ])('the day %j is %j', (text, day) => {
    expect(column('recurring-plans', 'next_payment_date', { next_processing_date: text })).toBe(day);
  });

  test.each([null, undefined, '', 'now', 17, '2025-02-30T00:00:00Z'])(
    'a record last changed %j is set aside',
    (updated) => {
      const { records, setAside } = read('supporters', { id: 5, updated_at: updated });
      expect(records).toEqual([]);
      expect(setAside).toEqual([{ recordId: '5', reason: expect.stringContaining('updated_at') }]);
    },
  );
});

describe('consent', () => {
  test.each([
    [true, true],
    [false, false],
    [1, false],
    ['true', false],
    ['yes', false],
    [{}, false],
    [null, null],
    [undefined, null],
  ])('opt_in %j is %j', (value, consent) => {
    expect(column('supporters', 'email_opt_in', { opt_in: value })).toBe(consent);
  });
});

describe('records', () => {
  test('of a page: the bad ones are set aside by id or digest, the others are read', () => {
    const { records, setAside } = read(
      'supporters',
      { id: 1, updated_at: at },
      null,
      'Hannah Rosendo',
      { id: 'Hannah', updated_at: at },
      { id: -3, updated_at: at },
      { id: 1.5, updated_at: at },
      { updated_at: at, first_name: 'Hannah' },
      { id: '12', updated_at: at, source_campaign_id: 'hannah@example.org' },
      { id: ' 13 ', updated_at: at },
    );
    expect(records.map(({ id }) => id)).toEqual(['1', '13']);
    expect(setAside).toHaveLength(7);
    expect(JSON.stringify(setAside)).not.toMatch(/hannah/i);
    expect(new Set(setAside.map(({ recordId }) => recordId)).size).toBe(7);
    for (const { recordId } of setAside) expect(recordId).toMatch(/^(\?[0-9a-f]{16}|12)$/);
  });

  test('that say they are another organization’s are set aside; those that say nothing are not', () => {
    const { records, setAside } = read(
      'transactions',
      { id: 1, updated_at: at, organization_id: '34' },
      { id: 2, updated_at: at, organization_id: 35 },
      { id: 3, updated_at: at, organization_id: null },
      { id: 4, updated_at: at, organization_id: 0 },
    );
    expect(records.map(({ id }) => id)).toEqual(['1', '3', '4']);
    expect(setAside).toEqual([{ recordId: '2', reason: expect.stringMatching(/^organization_id: /) }]);
  });

  test('with unknown fields and values are kept whole, and counted without what could be about a person', () => {
    const odd = {
      id: 1,
      updated_at: at,
      status: 'teleported',
      colour: 'red',
      'hannah@example.org': 1,
      frequency: 'x'.repeat(50),
    };
    const { records, drift } = read('transactions', odd, { ...odd, total_gross_amount: '5.00' });
    expect(records[0]).toMatchObject({ raw: odd, columns: { status: 'teleported' } });
    expect(drift).toEqual({
      'unknown field colour': 2,
      'unknown field (odd)': 2,
      'unknown status teleported': 2,
      'unknown frequency (odd)': 2,
      'total_gross_amount as text': 1,
    });
    expect(read('supporters', { id: 1, updated_at: at, opt_in: 'true' }).drift).toEqual({ 'opt_in is not a flag': 1 });
  });

  test('have their addresses to compare by, and none that is no address', () => {
    expect(column('supporters', 'address', { email_address: '  Hannah@Example.ORG ' })).toBe('hannah@example.org');
    expect(column('supporters', 'email_address', { email_address: '  Hannah@Example.ORG ' })).toBe(
      '  Hannah@Example.ORG ',
    );
    expect(column('supporters', 'address', { email_address: '   ' })).toBeNull();
    expect(column('supporters', 'address', { email_address: `${'x'.repeat(5_000)}@example.org` })).toBeNull();
  });

  test('tell items apart from none, and a bad item sets its transaction aside', () => {
    const [told, none, untold] = read(
      'transactions',
      { id: 1, updated_at: at, items: [{ id: 9, type: 'donation', price: '1.50', quantity: '2' }] },
      { id: 2, updated_at: at, items: [] },
      { id: 3, updated_at: at },
    ).records;
    expect(told?.items).toEqual([{ id: '9', columns: { type: 'donation', price: '1.50', quantity: 2 } }]);
    expect(none?.items).toEqual([]);
    expect(untold?.items).toBeUndefined();
    expect(read('transactions', { id: 4, updated_at: at, items: [{ id: 'Hannah' }] }).setAside).toEqual([
      { recordId: '4', reason: expect.not.stringMatching(/Hannah/) },
    ]);
  });
});
