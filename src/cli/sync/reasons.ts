import { nextStep } from '../../domain/decline-reason.js';
import type { WithheldBy } from './estimate.js';
import type { SyncSubject } from './subject.js';

/** Why people are left alone, as an operator reads it. */
const COMMON: Readonly<Record<string, string>> = {
  'on-the-way': 'a change of theirs is being pushed right now',
  'not-on-list': 'known to us, neither a member nor on the list any more',
  held: 'wait for your word: steward held list',
  parked: 'refused before for a reason that waiting does not heal: steward parked list',
  discarded: 'given up by an operator until something changes',
  skipped: 'no longer as the plan meant them',
};

const OF_SITES: Readonly<Record<string, string>> = {
  'not-a-member': 'on the list, but not put there by Steward: nobody touches them',
  'opted-out': 'unsubscribed at Campaign Monitor: never subscribed again by Steward',
  bounced: 'their mail bounces: Campaign Monitor does not mail them any more',
  suppressed: 'on the suppression list of Campaign Monitor',
  'deleted-there': 'taken off the list in Campaign Monitor, not by Steward',
  unconfirmed: 'asked by Campaign Monitor to confirm, and have not yet',
  withheld: 'no newsletter, or suppressed in Ghost: not added',
  kept: 'deleted in Ghost; this site keeps them on the list (ON_DELETE=keep)',
  'returned-unsigned': 'taken off by Steward, and back in Ghost without a signed sign-up: add by hand if they asked',
  'not-kept-by-list': 'the list does not keep what it is sent; see steward doctor',
  'not-in-plan': 'differ since the plan was made, so the plan does not speak of them: steward site sync <site> --full',
  missing: 'two complete walks did not find them in Ghost',
  deleted: 'deleted in Ghost',
  moved: 'have another address in Ghost now',
  'email-disabled': 'have no newsletter in Ghost (ON_EMAIL_DISABLED=remove)',
};

const OF_AUDIENCES: Readonly<Record<string, string>> = {
  'not-on-list': 'known to us, neither a supporter nor in the audience any more',
  'not-a-member': 'in the audience, but not put there by Steward: nobody touches them',
  'opted-out': 'unsubscribed there: never subscribed again by Steward',
  bounced: 'their mail bounces: they are not mailed any more',
  suppressed: 'may not be mailed there, by the state they are in',
  'deleted-there': 'archived or deleted there, not by Steward',
  unconfirmed: 'asked there to confirm, and have not yet',
  withheld: 'have not said yes in Classy, or have an address that cannot be mailed: never written to the audience',
  kept: 'have no consent any more, but were not put there by Steward, or onOptOut is leave: they stay as they are',
  declined: 'not taken by the destination before, and nothing about them has changed',
  'not-kept-by-list': 'the audience does not keep what it is sent; see steward audience list',
  'not-in-plan': 'differ since the plan was made, so the plan does not speak of them: steward audience sync <id>',
  'consent-withdrawn': 'have taken their consent back in Classy',
  deleted: 'are no supporters in Classy any more',
  moved: 'have another address in Classy now',
  ...nextStep,
};

/** Why somebody is never written to an audience, where it can be told. */
export const WITHHELD_FOR: Readonly<Record<keyof WithheldBy, string>> = {
  consent: 'have not said yes in Classy: never written to the audience',
  address: 'have an address that cannot be mailed: never written to the audience',
};

/** A reason in plain words. */
export const explain = (reason: string, kind: SyncSubject['kind']): string =>
  (kind === 'site' ? OF_SITES : OF_AUDIENCES)[reason] ?? COMMON[reason] ?? reason;
