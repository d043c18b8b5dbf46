import type { ListState } from './plan-contact.js';

/** A subscriber as the destination shows it. */
export interface SubscriberView {
  state: ListState;
  /** When it entered that state, as the destination writes it; compared only with itself. */
  stateDate: string;
  /** When it came to be there by a call of an API, ISO 8601, where the destination tells it. */
  since?: string | undefined;
}

/** A subscriber as a reading back of the whole audience shows it. */
export interface ObservedSubscriber extends SubscriberView {
  /** Case as the destination has it. */
  email: string;
  name: string;
  /** Values by our own field names, as text; those without a value are absent. */
  fields: Readonly<Record<string, string>>;
  /** Names of all its tags; undefined where the destination has none. */
  tags?: readonly string[] | undefined;
  /** Why it is in this state, where the destination says so (suppression). */
  reason?: string | undefined;
}
