// npm run bench [-- live|walk|classy|mailchimp]: everything in one run on the embedded stack. Compare ratios, not machines.

const benches: Record<string, () => Promise<unknown>> = {
  live: () => import('./live.js'),
  walk: () => import('./walk.js'),
  classy: () => import('./classy.js'),
  mailchimp: () => import('./mailchimp.js'),
};
const asked = process.argv[2] ?? 'live';
const bench = benches[asked];
if (!bench) {
  process.stderr.write(`There is no bench "${asked}". There are: ${Object.keys(benches).join(', ')}.\n`);
  process.exit(2);
}
await bench();
process.exit(0);
