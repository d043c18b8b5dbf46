import type { OpenOrganization } from '../../vendors/classy/client.js';
import type { OrganizationCredentials } from '../credentials.js';
import { isTimeZone } from './entry.js';

/** An organization that Classy has confirmed. */
export interface Confirmed {
  id: string;
  name: string;
  timeZone: string;
  /** Undefined: gifts of every currency are added up. */
  currency: string | undefined;
  mailchimpListId: string | undefined;
  credentials: OrganizationCredentials;
}

/** The time zone that Classy tells, where it is one. */
export const zoneOf = ({ timeZone }: OpenOrganization): string => (timeZone && isTimeZone(timeZone) ? timeZone : 'UTC');

/** Says on standard error when gifts in the organization's own currency would not be added up. */
export function warnOfCurrency(chosen: string | null | undefined, { currency }: OpenOrganization): void {
  if (chosen && currency && chosen !== currency)
    process.stderr.write(`Classy says ${currency}: with ${chosen} gifts in ${currency} are stored but not added up.\n`);
}
