import { VendorError } from '../../src/vendors/errors.js';
import type { ResourceReading } from './read-resource.js';

/** So many are asked for one by one; where it is more, something else is wrong, and the guard decides. */
const MOST_ASKED = 100;

/** Before records are marked as missing Classy is asked for each of them: one that is there after all is stored. */
export async function askForMissing(reading: ResourceReading): Promise<void> {
  const { deps, pageRun } = reading;
  const unseen = await deps.ledger.organizationRuns.unseen(pageRun, MOST_ASKED + 1);
  if (unseen.length > MOST_ASKED) return;
  for (const id of unseen) {
    reading.check();
    const { answer, asOf } = await reading.read(() => reading.one(id).catch(goneWhereRefused));
    if (answer) await deps.ledger.sourcePages.write(pageRun, [{ ...answer, asOf }], {});
  }
}

/** A record that may not be read by its id is not this organization's any more; the lists of the same run could be read. */
function goneWhereRefused(error: unknown): undefined {
  if (!(error instanceof VendorError) || error.details.code !== 'PERMISSION') throw error;
}
