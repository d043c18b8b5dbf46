import type { ResourceReading } from './read-resource.js';
import { failureOfOne } from './source-reader.js';

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
    await deps.ledger.sourcePages.write(pageRun, [{ ...page, found: [id], asOf }], {});
  }
  return there === 0 || unseen.length <= MOST_ASKED;
}

/** One that may not be read by its id is not this organization's any more: the lists of the same run could be read. */
const unreadable = (error: unknown): { answer: 'gone' | 'unreadable'; asOf: Date } => ({
  answer: failureOfOne(error).details.code === 'PERMISSION' ? 'gone' : 'unreadable',
  asOf: new Date(0),
});
