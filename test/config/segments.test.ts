import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { loadConfig } from '../../src/config/config.js';
import { configFileSchema } from '../../src/config/config-file.js';
import { ConfigError, type ConfigProblem } from '../../src/config/problem.js';
import {
  defaultSegmentRules,
  type Segments,
  segmentRulesOf,
  standardFamilies,
} from '../../src/domain/segment-rules.js';

const folder = mkdtempSync(join(tmpdir(), 'steward-segments-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function load(segments: unknown): Segments {
  writeFileSync(join(folder, 'steward.config.json'), JSON.stringify({ segments }));
  return loadConfig({ env: {}, folder }).segments;
}
function problems(segments: unknown): readonly ConfigProblem[] {
  try {
    load(segments);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('segments', () => {
  test('are those of the notes where nothing is configured', () => {
    expect(load(undefined)).toEqual({ general: defaultSegmentRules, organizations: new Map() });
    expect(load({}).general).toEqual(defaultSegmentRules);
  });

  test('a name or a limit changes alone, the rest of its family stays', () => {
    const { general } = load({
      value: { small: 'Friend' },
      recurring: { monthlyLimits: [50] },
      lifetime: [1000, 2500],
    });
    expect(general).toEqual({
      ...defaultSegmentRules,
      value: { ...standardFamilies.value, small: 'Friend' },
      recurring: { ...standardFamilies.recurring, monthlyLimits: [50] },
      lifetime: [1000, 2500],
    });
  });

  test('a family is switched on and off', () => {
    const { general } = load({ recency: false, frequency: true, lifecycle: true });
    expect(general).toEqual({ ...defaultSegmentRules, recency: false, lifecycle: standardFamilies.lifecycle });
    expect(load({ lifecycle: { new: 'Newcomer' } }).general.lifecycle).toMatchObject({
      new: 'Newcomer',
      lybunt: 'LYBUNT',
    });
  });

  test('an organization differs in what it says, and is as the general rules in all else', () => {
    const segments = load({
      fields: ['LASTGIFT'],
      lifecycle: true,
      recency: false,
      frequency: { more: 'Champion' },
      organizations: {
        34: { prefix: 'Fund-', fiscalYearStartMonth: 7, lifecycle: false, recency: true, frequency: { more: 'Hero' } },
      },
    });
    expect(segmentRulesOf(segments, '35')).toMatchObject({ prefix: 'Classy-', recency: false, fields: ['LASTGIFT'] });
    expect(segmentRulesOf(segments, '34')).toEqual({
      ...segments.general,
      prefix: 'Fund-',
      fiscalYearStartMonth: 7,
      lifecycle: false,
      recency: standardFamilies.recency,
      frequency: { ...standardFamilies.frequency, more: 'Hero' },
    });
  });

  test('everything else can be set', () => {
    const plain = {
      countedStatuses: ['success', 'settled'],
      amountField: 'donation_gross_amount',
      countInstallments: false,
      fiscalYearStartMonth: 12,
      onOptOut: 'archive',
      fields: ['CLASSYID', 'DONORLEVEL'],
    };
    expect(load(plain).general).toMatchObject(plain);
  });
});

describe('what is wrong with segments', () => {
  const cases: [name: string, segments: unknown, where: string, what: string][] = [
    ['an unknown key', { prefixes: 'x' }, 'segments', 'prefixes'],
    ['an unknown key in a family', { value: { tires: [] } }, 'segments.value', 'tires'],
    [
      'a limit in quotes',
      { value: { tiers: [{ name: 'Major Donor', atLeast: '1000' }] } },
      'segments.value',
      'tiers[0].atLeast Invalid input: expected number, received string',
    ],
    ['a negative limit', { lifetime: [-1, 1000] }, 'segments.lifetime[0]', '>0'],
    ['half a day', { recency: { tiers: [{ name: 'x', withinDays: 0.5 }] } }, 'segments.recency', 'int'],
    ['a family that is a number', { recency: 3 }, 'segments.recency', 'must be true, false or its settings'],
    ['a family that is nothing', { recency: null }, 'segments.recency', 'must be true, false or its settings'],
    ['a field that nobody knows', { fields: ['SHOESIZE'] }, 'segments.fields[0]', 'LASTGIFT'],
    ['month 13', { fiscalYearStartMonth: 13 }, 'segments.fiscalYearStartMonth', '<=12'],
    ['an opt-out of another kind', { onOptOut: 'delete' }, 'segments.onOptOut', 'unsubscribe'],
    ['an organization by name', { organizations: { fund: {} } }, 'segments.organizations.fund', 'whole number'],
    [
      'organizations in an organization',
      { organizations: { 3: { organizations: {} } } },
      'segments.organizations.3',
      'key',
    ],
    ['a rule that is broken', { lifetime: [5000] }, 'segments', 'Classy-$1K+ Lifetime is fixed'],
    [
      'a rule that an organization breaks',
      { organizations: { 34: { value: { small: 'Prospect' } } } },
      'segments.organizations.34',
      'value.prospect is "Prospect" as is value.small',
    ],
  ];
  test.each(cases)('%s is told', (_name, segments, where, what) => {
    expect(problems(segments)).toEqual([
      { where: `steward.config.json ${where}`, what: expect.stringContaining(what) },
    ]);
  });

  test('all of it is told at once, and what organizations have from the general rules only once', () => {
    const found = problems({
      prefix: 'x'.repeat(100),
      lifetime: [2000, 1000],
      organizations: { 1: {}, 2: { fiscalYearStartMonth: 2, recency: { older: '' } } },
    }).map(({ where, what }) => `${where}: ${what}`);
    expect(found).toContainEqual(expect.stringContaining('segments: lifetime has 1000 after 2000'));
    expect(found.filter((problem) => problem.includes('segments.organizations.'))).toEqual([
      'steward.config.json segments.organizations.2: recency.older is empty: give a name, or switch the whole family off with false',
    ]);
  });
});

test('the published schema has the section as people write it', () => {
  const schema = z.toJSONSchema(configFileSchema, { io: 'input', target: 'draft-7' });
  const segments = schema.properties?.['segments'] as z.core.JSONSchema.ObjectSchema | undefined;
  expect(Object.keys(segments?.properties ?? {}).toSorted()).toEqual(
    [...Object.keys(defaultSegmentRules), 'organizations'].toSorted(),
  );
});

test('the example of the documentation is a configuration', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  const [, example] = /## Donor segments.*?```json\n(.*?)```/s.exec(page) ?? [];
  expect(problems(JSON.parse(example ?? '{}').segments)).toEqual([]);
});
