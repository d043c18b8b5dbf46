import { describe, expect, it } from '@jest/globals';
import { estimateOf } from '../../src/cli/sync/estimate.js';
import { createPace } from '../../src/cli/sync/pace.js';
import { siteSubject, type WritingLimits } from '../../src/cli/sync/subject.js';
import type { Config } from '../../src/config/config.js';

describe('the progress of a run', () => {
  it('tells count, rate and remaining time once they can be told', () => {
    let now = 0;
    const pace = createPace(() => now);
    expect(pace({ phase: 'starting' })).toBe('starting');
    expect(pace({ phase: 'reading members', done: 100, total: 1000 })).toBe('reading members 100 of about 1000');
    now = 2_000;
    expect(pace({ phase: 'reading members', done: 300, total: 1000 })).toBe(
      'reading members 300 of about 1000, 100 a second, 7 s left',
    );
    expect(pace({ phase: 'reading members', done: 1200, total: 1000 })).toBe('reading members 1200, 550 a second');
    expect(pace({ phase: 'pushing', due: 500 })).toBe('pushing 0 of 500');
    now = 4_000;
    expect(pace({ phase: 'pushing', due: 100 })).toBe('pushing 400 of 500, 200 a second, 1 s left');
  });
});

describe('what a plan takes', () => {
  const actions = { added: 1_500, updated: 600, moved: 2, removed: 3 };
  const limitsOf = (perMinute?: number): WritingLimits =>
    siteSubject({ config: { rateLimits: perMinute ? { 'campaign-monitor': { perMinute } } : {} } as Config }, 'main')
      .limits;

  it('is imports of a thousand, three calls a move and four a removal, at the speed of the list', () => {
    expect(estimateOf(actions, { listCallMs: 200 }, limitsOf())).toEqual({ calls: 21, seconds: 5 });
  });

  it('is longer where fewer calls a minute are allowed', () => {
    expect(estimateOf(actions, { listCallMs: 200 }, limitsOf(10))).toEqual({ calls: 21, seconds: 126 });
  });
});
