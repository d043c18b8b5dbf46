/** Why people are left alone, as an operator reads it. */
const REASONS: Readonly<Record<string, string>> = {
  'on-the-way': 'a change of theirs is being pushed right now',
  'not-a-member': 'on the list, but not put there by Steward: nobody touches them',
  'not-on-list': 'known to us, neither a member nor on the list any more',
  'opted-out': 'unsubscribed at Campaign Monitor: never subscribed again by Steward',
  bounced: 'their mail bounces: Campaign Monitor does not mail them any more',
  suppressed: 'on the suppression list of Campaign Monitor',
  'deleted-there': 'taken off the list in Campaign Monitor, not by Steward',
  unconfirmed: 'asked by Campaign Monitor to confirm, and have not yet',
  withheld: 'no newsletter, or suppressed in Ghost: not added',
  kept: 'deleted in Ghost; this site keeps them on the list (ON_DELETE=keep)',
  held: 'wait for your word: steward held list',
  parked: 'refused before for a reason that waiting does not heal: steward parked list',
  discarded: 'given up by an operator until something changes',
  'returned-unsigned': 'taken off by Steward, and back in Ghost without a signed sign-up: add by hand if they asked',
  'not-kept-by-list': 'the list does not keep what it is sent; see steward doctor',
  'not-in-plan': 'differ since the plan was made, so the plan does not speak of them: steward site sync <site> --full',
  skipped: 'no longer as the plan meant them',
  missing: 'two complete walks did not find them in Ghost',
  deleted: 'deleted in Ghost',
  moved: 'have another address in Ghost now',
  'email-disabled': 'have no newsletter in Ghost (ON_EMAIL_DISABLED=remove)',
};

/** A reason in plain words. */
export const explain = (reason: string): string => REASONS[reason] ?? reason;
