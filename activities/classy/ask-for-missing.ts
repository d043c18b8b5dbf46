import { VendorError } from '../../src/vendors/errors.js';
import type { ResourceReading } from './read-resource.js';

/** So many are asked for, one by one; where more are unseen these stand for all. */
const MOST_ASKED = 100;

/**
 * Before records are marked as missing Classy is asked for them: one that is there after all is stored, one that cannot be read is
 * not missing. Gives whether the reading is to be believed: where more are unseen than were asked for, and one of these is
 * there, it was not whole.
 */
export async function askForMissing(reading: ResourceReading): Promise<boolean> {
  const { deps, pageRun } = reading;
  const unseen = await deps.ledger.organizationRuns.unseen(pageRun, MOST_ASKED + 1);
  let there = 0;
  for (const id of unseen.slice(0, MOST_ASKED)) {
    reading.check();
    const { answer, asOf } = await reading.attempt(() => reading.one(id)).catch(unreadable);
    if (answer === 'gone' || answer === undefined) continue;
    there += 1;
    const page = answer === 'unreadable' ? { records: [], setAside: [], drift: {} } : answer;
    await deps.ledger.sourcePages.write(pageRun, [{ ...page, found: [id], asOf: asOf }], {});
  }
  return there === 0 || unseen.length <= MOST_ASKED;
}

/** What a failed read of one record says of it. @throws where it says something of Classy, not of the record */
function unreadable(error: unknown): { answer: 'gone' | 'unreadable'; asOf: Date } {
  if (!(error instanceof VendorError) || error.details.kind === 'rate-limited') throw error;
  // not this organization's any more: the lists of the same run could be read
  const answer = error.details.code === 'PERMISSION' ? 'gone' : 'unreadable';
  return { answer, asOf: new Date(0) };
}
