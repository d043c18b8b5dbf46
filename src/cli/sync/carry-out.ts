import { CliError, ExitCode } from '../exit.js';
import type { Session } from '../session.js';
import type { TellingOptions } from './options.js';
import type { findPlan } from './plan.js';
import { whyNotOpen } from './plan.js';
import { printReport } from './print-report.js';
import { type Asked, reportOf } from './report.js';
import { runSync, type StartRun } from './run-sync.js';
import type { SyncSubject } from './subject.js';

/** Starts a run, follows it to its end, prints what became of it and sets the exit code. */
export async function carryOut(
  session: Session,
  subject: SyncSubject,
  asked: Asked,
  start: StartRun,
  options: TellingOptions,
): Promise<void> {
  const outcome = await runSync(session, subject, start, options);
  await printReport(session, subject, await reportOf(session, subject, asked, outcome), options);
}

/** @throws CliError where a plan cannot be applied any more */
export async function refuseUnlessOpen(
  session: Session,
  subject: SyncSubject,
  plan: Awaited<ReturnType<typeof findPlan>>,
): Promise<void> {
  const why = await whyNotOpen(session, plan, subject);
  if (why !== undefined) throw new CliError(`Plan ${plan.id} cannot be applied: ${why}.`, ExitCode.Refused);
}
