import type { Destination } from '../src/audiences/destination.js';
import type { AudiencePlace } from '../src/ledger/audiences.js';
import type { People } from '../src/ledger/people.js';

/** One audience: its destination, and whose people belong in it. */
export interface AudienceTarget {
  place: AudiencePlace;
  destination: Destination;
  /** As they are to be reckoned with at this moment. */
  people(): Promise<People>;
}

/** The audience of this id, by the present configuration; undefined when there is none. @throws AudienceMisconfigured */
export type AudienceOf = (audience: string) => Promise<AudienceTarget | undefined>;

/** What is wrong with an audience's configuration, and what to do; no secrets. */
export class AudienceMisconfigured extends Error {
  override readonly name = 'AudienceMisconfigured';
}
