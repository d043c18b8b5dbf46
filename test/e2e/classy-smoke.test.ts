import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { seedOrganization } from '../../src/sandbox/index.js';
import { type ClassyBed, createClassyBed } from '../support/classy-bed.js';

let b: ClassyBed;
beforeAll(async () => {
  b = await createClassyBed({ name: 'classy_smoke' });
}, 60_000);
afterAll(() => b.stop());
test('smoke', async () => {
  seedOrganization(b.classy, 34, process.env['SMOKE'] === 'real' ? 'real' : 'small');
  b.classy.faults.set({ latencyMs: process.env['SMOKE'] === 'real' ? 150 : 0 });
  const t0 = Date.now();
  const out = await b.sync('all', 'full');
  console.log((Date.now() - t0) / 1000, JSON.stringify(out), b.classy.calls.length);
  for (const one of out.runs!) console.log(JSON.stringify(await b.run(one.run)));
  for (const r of ['supporters', 'transactions', 'campaigns', 'recurring-plans'] as const) {
    const before = b.classy.calls.length;
    const t = Date.now();
    const o = await b.sync(r, 'incremental');
    console.log(
      r,
      o.result,
      o.message,
      b.classy.calls.length - before,
      Date.now() - t,
      JSON.stringify(await b.run(o.run)),
    );
  }
  expect(out.result).toBe('done');
}, 200_000);
