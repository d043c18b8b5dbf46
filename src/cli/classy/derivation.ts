import { type DonorInputs, type DonorTag, donorTags } from '../../domain/donor-segments.js';
import type { Holder } from '../../domain/plan-contact.js';
import { type DonorColumns, type Reckoning, toInputs } from '../../ledger/classy/donors.js';
import { type SupportersOptions, supportersOf } from '../../ledger/classy/supporters-as-people.js';

/** What the tags and fields of those at one address come from, as of one instant. */
export interface Derivation extends Reckoning {
  /** The supporter whose names and id it has. */
  namesFrom: string;
  inputs: DonorInputs;
  tags: DonorTag[];
  /** As the writer would take it. */
  holder: Holder;
}

/** By whose rules it is derived, and for what audience. */
export type Deriving = Omit<SupportersOptions, 'asOfDay'>;

/** What follows from a donor as added up as of an instant. */
export function derive(row: DonorColumns, { asOf, asOfDay }: Reckoning, by: Deriving): Derivation {
  const inputs = toInputs(row);
  return {
    ...{ asOf, asOfDay, namesFrom: row.member_id, inputs },
    tags: donorTags(inputs, by.rules, asOfDay),
    holder: supportersOf({ ...by, asOfDay }).toHolder({ ...row }),
  };
}
