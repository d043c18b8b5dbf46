import type { Client, ScheduleSummary } from '@temporalio/client';
import type { Command } from 'commander';
import { CliError } from '../exit.js';
import { print, printJson, printTable, showSeconds, showTime } from '../output.js';
import { type Session, withSession } from '../session.js';

const PATIENCE_MS = 3_000;
/**
 * Schedules of ours: `site-walk/{site}`, `site-full/{site}`, `sync/{organization}/{resource}`, `sync-full/{organization}`,
 * `audience/{audience}`.
 */
const OURS = /^(site-walk|site-full|sync|sync-full|audience)\//;

/** `steward daemon schedule`. */
export function registerSchedule(daemon: Command): void {
  daemon
    .command('schedule')
    .description('the schedules that are set: interval, last and next run, paused or not')
    .option('--json', 'print JSON', false)
    .action(({ json }: { json: boolean }) =>
      withSession(async (session) => {
        const schedules = await readSchedules(session);
        if (json) return printJson(schedules);
        if (schedules.length === 0) return print('No schedule is set: a worker sets them when it starts.');
        printTable(
          ['SCHEDULE', 'EVERY', 'LAST', 'RESULT', 'NEXT', 'STATE'],
          schedules.map((one) => [
            one.schedule,
            one.everySeconds === null ? '' : showSeconds(one.everySeconds),
            showTime(one.last),
            one.lastRun ? `${one.lastRun.result ?? 'runs'} (${showTime(one.lastRun.startedAt)})` : '',
            one.paused ? '' : showTime(one.next),
            one.paused ? `paused${one.note ? `: ${one.note}` : ''}` : 'on',
          ]),
        );
      }),
    );
}

/** The schedules with what they last brought about; a tick that gave Ghost a rest brought about nothing. */
async function readSchedules({ config, run, client, ledger }: Session) {
  const [summaries, ofSites, ofOrganizations, ofAudiences] = await Promise.all([
    listSchedules(client).catch((error: unknown) => {
      const address = config.temporal.address ?? run?.temporalAddress;
      throw new CliError(
        `Temporal at ${address} does not answer: ${error instanceof Error ? error.message : error}. See steward doctor.`,
      );
    }),
    ledger.progress.lastScheduled(),
    ledger.organizationRuns.lastScheduled(),
    ledger.progress.lastScheduledOfAudiences(),
  ]);
  const runs = [
    ...ofSites.map(({ site, mode, ...run }) => ({ ...run, id: `site-${mode}/${site}` })),
    ...ofOrganizations.map(({ organization, resource, mode, ...run }) => ({
      ...run,
      id: mode === 'full' ? `sync-full/${organization}` : `sync/${organization}/${resource}`,
    })),
    ...ofAudiences.map(({ audience, ...run }) => ({ ...run, id: `audience/${audience}` })),
  ];
  return summaries
    .map(({ scheduleId, info, state, spec }) => {
      const everyMs = spec?.intervals?.[0]?.every;
      const last = runs.find(({ id }) => id === scheduleId);
      return {
        schedule: scheduleId,
        ...partsOf(scheduleId),
        everySeconds: typeof everyMs === 'number' ? everyMs / 1000 : null,
        last: info.recentActions.at(-1)?.takenAt ?? null,
        lastRun: last ? { startedAt: last.startedAt, result: last.result } : null,
        next: info.nextActionTimes[0] ?? null,
        paused: state.paused,
        note: state.note || null,
      };
    })
    .sort((a, b) => (a.schedule < b.schedule ? -1 : 1));
}

/** Whose schedule it is, and what it runs. */
function partsOf(scheduleId: string) {
  const [kind = '', of = '', resource] = scheduleId.split('/');
  // an audience's id may hold a slash
  if (kind === 'audience') return { audience: scheduleId.slice('audience/'.length), mode: 'incremental' };
  const mode = kind.endsWith('full') ? 'full' : kind === 'sync' ? 'incremental' : 'walk';
  return kind.startsWith('site') ? { site: of, mode } : { organization: of, resource: resource ?? 'all', mode };
}

const listSchedules = (client: Client): Promise<ScheduleSummary[]> =>
  client.withDeadline(Date.now() + PATIENCE_MS, async () => {
    const found: ScheduleSummary[] = [];
    for await (const one of client.schedule.list()) if (OURS.test(one.scheduleId)) found.push(one);
    return found;
  });
