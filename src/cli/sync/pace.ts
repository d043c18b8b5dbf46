import { showSeconds } from '../output.js';

/** Where a run is: what it has done of how much, or how much is still due. */
export interface Step {
  phase: string;
  done?: number | undefined;
  /** Undefined or 0 where nobody knows. */
  total?: number | undefined;
  due?: number | undefined;
}

/** Before that a rate says nothing. */
const SHORTEST_SECONDS = 1;

/** Puts steps into words, one after the other, with rate and remaining time where they can be told. */
export function createPace(now: () => number = Date.now): (step: Step) => string {
  let phase = '';
  let from = { at: 0, done: 0 };
  let mostDue = 0;
  return (step) => {
    if (step.due !== undefined) mostDue = step.phase === phase ? Math.max(mostDue, step.due) : step.due;
    const { done, total } =
      step.due === undefined ? { done: step.done, total: step.total } : { done: mostDue - step.due, total: mostDue };
    if (done === undefined) return step.phase;
    if (step.phase !== phase) {
      phase = step.phase;
      from = { at: now(), done };
    }
    const seconds = (now() - from.at) / 1000;
    const rate = seconds < SHORTEST_SECONDS ? 0 : (done - from.done) / seconds;
    const isKnown = total !== undefined && total >= done && total > 0;
    return [
      `${step.phase} ${done}${isKnown ? ` of ${step.due === undefined ? 'about ' : ''}${total}` : ''}`,
      ...(rate > 0 ? [`${Math.round(rate)} a second`] : []),
      ...(rate > 0 && isKnown ? [`${showSeconds((total - done) / rate)} left`] : []),
    ].join(', ');
  };
}
