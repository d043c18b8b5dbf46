import { activityInfo, heartbeat } from '@temporalio/activity';

const HEARTBEAT_MS = 2_500;

/** Work that says by heartbeats that it lives and how far it is. */
export interface Beating<T> {
  /** Where an earlier attempt was, or the beginning. */
  readonly from: T;
  /** How far it is now: the next attempt begins here. */
  at(details: T): void;
  stop(): void;
}

/** Heartbeats until stopped; `isOurs` tells whether an earlier attempt's details are still about the same thing. */
export function beat<T>(beginning: T, isOurs: (details: T) => boolean = () => true): Beating<T> {
  const earlier = activityInfo().heartbeatDetails as T | undefined;
  let details = earlier !== undefined && isOurs(earlier) ? earlier : beginning;
  const timer = setInterval(() => heartbeat(details), HEARTBEAT_MS);
  return {
    from: details,
    at(next) {
      details = next;
      heartbeat(next);
    },
    stop: () => clearInterval(timer),
  };
}
