import type { Command } from 'commander';
import type { RunBrief } from '../../ledger/proof.js';
import { print, printJson, printTable, showSeconds, showTime } from '../output.js';
import { withSession } from '../session.js';
import { readSiteProof, type SiteProof } from '../sync/site-proof.js';

/** `steward site show`. */
export function registerSiteShow(site: Command): void {
  site
    .command('show')
    .argument('<site>')
    .description('whether the list is true: how many members are known to be, what is not, and how we know')
    .option('--json', 'print JSON', false)
    .action((name: string, { json }: { json: boolean }) =>
      withSession(async (session) => {
        const proof = await readSiteProof(session, session.site(name));
        if (json) return printJson(proof);
        show(proof);
      }),
    );
}

const line = (key: string, value: string): void => print(`${key.padEnd(16)}${value}`);

const showRun = (run: RunBrief | null): string =>
  run ? `${showTime(run.startedAt)}, ${run.result ?? run.phase} (run ${run.id})` : 'never';

const showNext = (next: SiteProof['next']['walk']): string => {
  if (!next) return 'no schedule';
  return next.paused ? `paused${next.note ? `: ${next.note}` : ''}` : showTime(next.at) || 'unknown';
};

function show(proof: SiteProof): void {
  const { verdicts, share, oldestDifference, last, next } = proof;
  line('Site', `${proof.site}, list ${proof.audience}`);
  line('Members', `${proof.living} living`);
  line(
    'True',
    share === null
      ? 'nobody to be compared'
      : `${showShare(share)} (${verdicts.true} true, ${verdicts.optedOutThere} opted out there)`,
  );
  line(
    'Not true',
    `${verdicts.onTheWay} on the way, ${verdicts.parked} parked, ${verdicts.differs} differ; ${proof.leaving} wait to be taken off, ${proof.held} held`,
  );
  if (oldestDifference)
    line('Oldest of them', `${showSeconds(oldestDifference.seconds)}, since ${showTime(oldestDifference.since)}`);
  line(
    'List read back',
    last.readBack
      ? `${showTime(last.readBack.endedAt)}: ${last.readBack.listRead} subscribers (run ${last.readBack.id})`
      : 'never: what we know of the list is what its calls answered',
  );
  line(
    'First sync',
    proof.adoptedAt
      ? `done ${showTime(proof.adoptedAt)}`
      : `PENDING: until then nobody but those of webhooks is pushed. steward site sync ${proof.site} --full --dry-run`,
  );
  line('Last walk', showRun(last.walk));
  line('Last full sync', showRun(last.full));
  line(
    'Next walk',
    `${showNext(next.walk)}${proof.stretchedSeconds === null ? '' : `; every ${showSeconds(proof.stretchedSeconds)}, since more often would keep Ghost too busy`}`,
  );
  line('Next full sync', showNext(next.full));
  if (last.running) line('Runs now', `${last.running.mode}, ${last.running.phase} (run ${last.running.id})`);
  if (last.openPlan) line('Open plan', `steward site plan ${last.openPlan.id}`);
  for (const { kind, since } of proof.silentWebhooks)
    line(
      'SILENT',
      `no webhook member.${kind} since ${showTime(since)}, while walks found such changes: look at the integration's webhooks in Ghost`,
    );
  print();
  if (proof.changesFound.length === 0) print('No change was found within 30 days.');
  else
    printTable(
      ['FOUND BY', 'CHANGE', '24 HOURS', '30 DAYS'],
      proof.changesFound.map((one) => [one.foundBy, one.kind, one.day, one.month]),
    );
}

/** Never 100 % while somebody is not. */
const showShare = (share: number): string => `${share === 1 ? '100' : (Math.floor(share * 1000) / 10).toFixed(1)} %`;
