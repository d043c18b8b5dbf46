/** What happens on the list to a member who was deleted in Ghost. */
export type OnDelete = 'delete' | 'keep';
/** What happens to a member without a newsletter. */
export type OnEmailDisabled = 'field' | 'withhold' | 'remove';
/** Consent to track, as Campaign Monitor spells it. */
export type ConsentToTrack = 'Yes' | 'No' | 'Unchanged';

/** One Ghost publication and the audience that its members belong in; no secrets. */
export interface Site {
  name: string;
  /** Campaign Monitor list id. */
  audience: string;
  onDelete: OnDelete;
  onEmailDisabled: OnEmailDisabled;
  consentToTrack: ConsentToTrack;
}
