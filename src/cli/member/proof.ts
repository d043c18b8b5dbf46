import { type Evidence, isSeenLast } from '../../domain/member-verdict.js';
import type { AddressPast } from '../../ledger/history.js';
import { showTime } from '../output.js';

/** What the list was last known to hold, and by which of both ways we know. */
export function observedOf({ contact, seen: row }: AddressPast, evidence: Evidence, at?: Date) {
  const { settled, seen } = evidence;
  if (!settled && !seen && !contact) return null;
  const isSeen = isSeenLast(evidence);
  return {
    state: (isSeen ? seen!.state : settled?.state) ?? (at ? null : (contact?.listState ?? null)),
    at: (isSeen ? seen!.at : at ? settled?.at : (contact?.listStateAt ?? settled?.at)) ?? null,
    by: isSeen ? 'full sync' : settled ? 'call' : null,
    outcome: settled?.outcome ?? null,
    settledAt: settled?.at ?? null,
    /** The newest full reading, also where a call is newer. */
    reading:
      seen && row
        ? { run: row.runId, at: row.at, state: row.state, stateDate: row.stateDate, name: row.name, fields: row.fields }
        : null,
  };
}

/** How we know, in plain words. */
export function proofOf({ pushes, seen: row }: AddressPast, evidence: Evidence, address: string, at?: Date): string {
  const { settled, seen } = evidence;
  const made = pushes.findLast(
    (push) => push.address === address && push.outcome !== 'skipped' && (!at || push.at <= at),
  );
  const isOfCall = made !== undefined && (made.outcome === settled?.outcome || made.hash === settled?.hash);
  const words: string[] = [];
  if (settled && isOfCall) words.push(callWords(made));
  else if (settled) words.push(`found ${settled.outcome} by comparing, at ${showTime(settled.at)}, without a call`);
  if (seen && row) {
    const place = seen.state === 'Absent' ? 'not seen on the list' : `seen there as ${seen.state}`;
    const age = settled ? (isSeenLast(evidence) ? ', since then' : ', before that') : '';
    words.push(`${place} at ${showTime(seen.at)} by full sync ${row.runId}${age}`);
  }
  return words.length === 0
    ? 'nothing proves it: no call was made and no full sync has read the list'
    : words.join('; ');
}

function callWords({ operation, outcome, code, at, runId }: AddressPast['pushes'][number]): string {
  const under = runId === null ? '' : ` of run ${runId}`;
  if (operation === 'none') return `${outcome} at ${showTime(at)}${under}, no call was needed`;
  return `${outcome} by Campaign Monitor's answer to the ${operation} at ${showTime(at)}${under}${code === null ? '' : `, code ${code}`}`;
}
