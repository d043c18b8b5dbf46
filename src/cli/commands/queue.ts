import type { Command } from 'commander';
import { print, printJson, printTable, showSeconds, showTime } from '../output.js';
import { type Queue, readQueue } from '../queue-reading.js';
import { withSession } from '../session.js';

/** `steward queue`. */
export function registerQueue(program: Command): void {
  program
    .command('queue')
    .description('what waits, runs and is parked, and how fast it moves; the workers; paused sites and audiences')
    .option('--json', 'print JSON', false)
    .action(({ json }: { json: boolean }) =>
      withSession(async (session) => {
        const queue = await readQueue(session);
        if (json) return printJson(queue);
        show(queue);
      }),
    );
}

const left = (estimateSeconds: number | null): string =>
  estimateSeconds === null ? 'unknown' : estimateSeconds === 0 ? '' : showSeconds(estimateSeconds);

function show(queue: Queue): void {
  showSites(queue);
  print();
  showAudiences(queue);
  print();
  if (queue.syncs.length > 0) {
    printTable(
      ['SYNC', 'OF', 'PHASE', 'READ', 'SINCE', 'RUN'],
      queue.syncs.map((one) => [
        `${one.mode}${one.dryRun ? ', dry run' : ''}`,
        one.site,
        one.phase,
        one.read,
        showTime(one.since),
        one.run,
      ]),
    );
    print();
  }
  printTable(
    ['TASK QUEUE', 'WORKERS', 'SEEN'],
    queue.workers.map((one) => [one.taskQueue, one.workers.length, showTime(one.lastSeen)]),
  );
  print();
  print(
    `${queue.running ?? 'unknown'} member runs open, ${queue.doneInTheLastMinute} deliveries done in the last minute`,
  );
  for (const { paused, ...one } of [...queue.sites, ...queue.audiences])
    if (paused)
      print(`${'audience' in one ? one.audience : one.site}: ${paused.message}; steward doctor tells what to do`);
  if (queue.workers.some((one) => one.workers.length === 0))
    print('A task queue has no worker: is Steward running? See `steward daemon status` and `steward doctor`.');
}

function showSites({ sites }: Queue): void {
  const stateOf = ({ paused, catchingUpSince }: Queue['sites'][number]): string =>
    [
      ...(paused ? [`paused since ${showTime(paused.since)} (${paused.type})`] : []),
      ...(catchingUpSince ? [`catching up since ${showTime(catchingUpSince)}`] : []),
    ].join(', ') || 'ok';
  printTable(
    ['SITE', 'WAITING', 'OLDEST', 'A MINUTE', 'LEFT', 'PARKED', 'STATE'],
    sites.map((one) => [
      one.site,
      one.waiting,
      showSeconds(one.oldestSeconds),
      one.ratePerMinute,
      left(one.estimateSeconds),
      one.parked,
      stateOf(one),
    ]),
  );
}

function showAudiences({ audiences }: Queue): void {
  printTable(
    ['AUDIENCE', 'OF', 'DUE', 'UNDER WAY', 'HELD', 'OLDEST', 'A MINUTE', 'LEFT', 'STATE'],
    audiences.map((one) => [
      one.audience,
      one.site ?? (one.organization === null ? '' : `organization/${one.organization}`),
      one.due,
      one.underWay,
      one.held,
      showSeconds(one.oldestSeconds),
      one.ratePerMinute,
      left(one.estimateSeconds),
      one.paused ? `paused since ${showTime(one.paused.since)} (${one.paused.type})` : one.writing ? 'writing' : 'idle',
    ]),
  );
}
