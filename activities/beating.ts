import { ApplicationFailure, activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';

const HEARTBEAT_MS = 2_500;

/** Long work that says by heartbeats that it lives and how far it is. */
export interface Beating<T> {
  /** Where an earlier attempt was, or the beginning. */
  readonly from: T;
  /** How far it is now: the next attempt begins here. @throws when the work is cancelled, or its worker stops */
  at(details: T): void;
  /** @throws when the work is cancelled, or its worker stops: the next attempt goes on from here */
  check(): void;
  stop(): void;
}

/** Heartbeats until stopped; `isOurs` tells whether an earlier attempt's details are still about the same thing. */
export function beat<T>(stopping: AbortSignal, beginning: T, isOurs: (details: T) => boolean = () => true): Beating<T> {
  const earlier = activityInfo().heartbeatDetails as T | undefined;
  let details = earlier !== undefined && isOurs(earlier) ? earlier : beginning;
  const timer = setInterval(() => heartbeat(details), HEARTBEAT_MS);
  const check = (): void => {
    cancellationSignal().throwIfAborted();
    if (stopping.aborted) throw workerStops();
  };
  return {
    from: details,
    at(next) {
      details = next;
      heartbeat(next);
      check();
    },
    check,
    stop: () => clearInterval(timer),
  };
}

/** An orderly stop does not wait for hours of work: another attempt takes it up. */
const workerStops = (): ApplicationFailure =>
  ApplicationFailure.create({
    type: 'WorkerStops',
    message: 'the worker stops; another attempt goes on from here',
    category: ApplicationFailureCategory.BENIGN,
    nextRetryDelay: '1 second',
  });
