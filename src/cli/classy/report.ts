import {
  type OrganizationSyncMode,
  type OrganizationSyncOutcome,
  RESOURCES,
  type ResourceScope,
  worstOf,
} from '../../contract/organization-sync.js';
import type { OrganizationRun } from '../../ledger/classy/organization-runs.js';
import { NO_COUNTS, type SyncCounts } from '../../ledger/runs.js';
import { type CliError, ExitCode } from '../exit.js';
import type { Session } from '../session.js';

/** How the run of one organization ended, or why the command knows nothing of it. */
export type Ended = { organization: string } & ({ outcome: OrganizationSyncOutcome } | { problem: CliError });

/** What a run prints; the first six are of all syncs (interfaces.md). */
export interface ResourceReport {
  /** Null where there is none: it was not started, or it is of several organizations. */
  run: string | null;
  scope: string;
  mode: OrganizationSyncMode;
  result: string;
  counts: SyncCounts;
  seconds: number;
  message: string | null;
  dryRun: boolean;
  requests: number;
  /** What differed from Classy's documents, and how often. */
  drift: Record<string, number>;
}

/** With the runs that it consists of, where it is of several resources or organizations. */
export type OrganizationReport = ResourceReport & { runs?: ResourceReport[] };

interface Asked {
  resource: ResourceScope;
  mode: OrganizationSyncMode;
  dryRun: boolean;
}

interface Part {
  report: ResourceReport;
  run: OrganizationRun | undefined;
}

/** What became of it all. */
export async function reportOf(session: Session, asked: Asked, ended: readonly Ended[]): Promise<OrganizationReport> {
  const parts = (await Promise.all(ended.map((one) => partsOf(session, asked, one)))).flat();
  const [first] = ended;
  if (first && ended.length === 1) {
    if (asked.resource !== 'all') return parts[0]!.report;
    const { outcome } = first as Extract<Ended, { outcome: unknown }>;
    const whole = sumOf(asked, `${first.organization}/all`, parts);
    const message = whole.message ?? outcome.message ?? null;
    return { ...whole, run: outcome.run, result: worstOf([whole.result, outcome.result]), message };
  }
  return sumOf(asked, `all/${asked.resource}`, parts);
}

async function partsOf({ ledger }: Session, asked: Asked, ended: Ended): Promise<Part[]> {
  const { organization } = ended;
  if ('problem' in ended) {
    const { exitCode, message } = ended.problem;
    const result = exitCode === ExitCode.Refused ? 'refused' : 'failed';
    return [{ run: undefined, report: { ...blank(asked, `${organization}/${asked.resource}`), result, message } }];
  }
  const { outcome } = ended;
  const rank = ({ resource }: OrganizationSyncOutcome): number => [...RESOURCES, 'all'].indexOf(resource);
  const outcomes = outcome.runs?.length ? outcome.runs.toSorted((a, b) => rank(a) - rank(b)) : [outcome];
  return Promise.all(
    outcomes.map(async ({ run: id, resource, result, message }) => {
      const run = await ledger.organizationRuns.find(id);
      const base = { ...blank(asked, `${organization}/${resource}`), run: id, result, message: message ?? null };
      return { run, report: run ? { ...base, ...figuresOf(run) } : base };
    }),
  );
}

/** A run's figures as all syncs tell them: `removed` are those marked as missing, `failed` those set aside. */
export const countsOf = (run: OrganizationRun): SyncCounts => {
  const { read, added, updated, unchanged, missing, held, setAside } = run;
  return { ...NO_COUNTS, read, added, updated, removed: missing, held, unchanged, failed: setAside };
};

const figuresOf = (run: OrganizationRun): Pick<ResourceReport, 'counts' | 'seconds' | 'requests' | 'drift'> => {
  const { requests, drift } = run;
  return {
    counts: countsOf(run),
    seconds: secondsBetween(run.startedAt, run.endedAt ?? new Date()),
    requests,
    drift,
  };
};

function sumOf(asked: Asked, scope: string, parts: readonly Part[]): Required<OrganizationReport> {
  const runs = parts.map(({ report }) => report);
  const times = parts.flatMap(({ run }) =>
    run ? [run.startedAt.getTime(), (run.endedAt ?? new Date()).getTime()] : [],
  );
  const messages = runs.flatMap(({ scope: of, message }) => (message === null ? [] : [`${of}: ${message}`]));
  return {
    ...blank(asked, scope),
    result: worstOf(runs.map(({ result }) => result)),
    counts: { ...NO_COUNTS, ...summed(runs.map(({ counts }) => counts)) },
    seconds: times.length === 0 ? 0 : (Math.max(...times) - Math.min(...times)) / 1000,
    message: messages.length === 0 ? null : messages.join('; '),
    requests: runs.reduce((sum, { requests }) => sum + requests, 0),
    drift: summed(runs.map(({ drift }) => drift)),
    runs,
  };
}

const blank = ({ mode, dryRun }: Asked, scope: string): ResourceReport => ({
  run: null,
  scope,
  mode,
  result: 'done',
  counts: NO_COUNTS,
  seconds: 0,
  message: null,
  dryRun,
  requests: 0,
  drift: {},
});

const secondsBetween = (from: Date, to: Date): number => (to.getTime() - from.getTime()) / 1000;

function summed(all: readonly object[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const one of all) for (const [key, count] of Object.entries(one)) total[key] = (total[key] ?? 0) + count;
  return total;
}
