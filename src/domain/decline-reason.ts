/** Why a destination does not take somebody as the source would have it. */
export type DeclineReason =
  | 'invalid-address'
  | 'fake-address'
  | 'role-address'
  | 'too-many-sign-ups'
  | 'compliance'
  | 'forgotten'
  | 'invalid-fields'
  | 'destination-fails';

/** What a person can do about it, in a sentence. */
export const nextStep: Readonly<Record<DeclineReason, string>> = {
  'invalid-address': 'the address is not valid: correct it at the source',
  'fake-address': 'the address looks invented or mistyped: ask the person, and correct it at the source',
  'role-address': 'an address of a role (info@, abuse@ …) is not taken by import: the person signs up through the form',
  'too-many-sign-ups': 'it was added to very many lists lately: it is tried again with each sync',
  compliance: 'unsubscribed, bounced or under review there: the person must sign up again through the form',
  forgotten: 'was permanently deleted there: the person must sign up again through the form',
  'invalid-fields':
    "a field is not accepted: compare the audience's fields with steward audience list, or correct the value",
  'destination-fails':
    'the destination failed on this person every time: it is tried again when something about them changes',
};
