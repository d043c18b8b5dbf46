/** One thing that was looked at. */
export interface Finding {
  what: string;
  state: 'ok' | 'warning' | 'wrong';
  found: string;
  /** What to do, where something is to be done. */
  advice?: string;
}

/** Limits are shared through the ledger, which may be down: the doctor's few calls go without. */
export const UNLIMITED = { classy: { perMinute: null, burst: 1 }, mailchimp: { connections: 8 } };
