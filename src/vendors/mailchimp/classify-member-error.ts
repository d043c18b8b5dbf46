/** Why MailChimp declined one person or one thing. */
export type MemberErrorReason =
  /** Not an e-mail address. */
  | 'invalid'
  /** An address that MailChimp takes for made up. */
  | 'fake'
  /** An address of an office (admin@), which must be added by hand. */
  | 'role'
  /** Signed up to many lists of late: refused for now. */
  | 'too-many-signups'
  | 'merge-fields'
  /** Unsubscribed, bounced or under review: only the person can come back. */
  | 'compliance'
  /** Deleted for good: only the person can come back. */
  | 'forgotten'
  /** The address (or the name of a field or tag) is taken. */
  | 'exists'
  | 'absent'
  | 'not-subscribed'
  | 'unknown';

/** The texts change and are partly localised, so these are hints; the first that fits counts. */
const HINTS: readonly (readonly [MemberErrorReason, RegExp])[] = [
  ['forgotten', /forgotten|permanently deleted|re-?imported/],
  ['compliance', /compliance/],
  ['too-many-signups', /lot of lists|more signups/],
  ['role', /role[- ]based|role (account|address)/],
  ['fake', /\bfake\b|\breal e-?mail/],
  ['exists', /member exists|contact_exists|already (a list member|exists|subscribed|taken|(being )?used|in use)/],
  ['invalid', /\b(in)?valid e-?mail|e-?mail( address)? is (in|not )valid/],
  [
    'merge-fields',
    /merge.?field|please enter (a|the) (value|number|complete|month|date|valid (number|date|day|zip|phone|url|web))/,
  ],
  [
    'absent',
    /not found|could not be found|do(es)?(n't| not) exist|not (on|in|part of|a member of) (the|this) (list|audience)/,
  ],
  ['not-subscribed', /not subscribed|unsubscribed/],
];

/**
 * Classifies what MailChimp says of one person: title or code and message, in any order, and the name of the field if it
 * gives one.
 */
export function classifyMemberError(text: string, field = ''): MemberErrorReason {
  // words in the address itself (compliance@…) are no hints
  const words = text.replace(/\S+@\S+/g, ' ').toLowerCase();
  const hit = HINTS.find(([, hint]) => hint.test(words));
  if (hit) return hit[0];
  return isMergeField(field) ? 'merge-fields' : 'unknown';
}

/** A tag such as `GIFTS`, or the path of one. */
const isMergeField = (field: string): boolean => /(^|\.)merge_fields\.|^[A-Z][A-Z0-9_]*$/.test(field);
