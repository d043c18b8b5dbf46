/** A repeated piece of work. */
export interface Loop {
  /** Do the next round at once. */
  nudge(): void;
  /** Ends after the present round. */
  stop(): Promise<void>;
}

/** What one loop does. */
export interface LoopOptions {
  /** One round; gives the milliseconds until the next. */
  round: () => Promise<number>;
  /** Told of a round that failed; gives the milliseconds until the next. */
  onError: (error: unknown) => number;
}

/** Repeats rounds one after another until stopped; a nudge during a round makes the next one follow at once. */
export function startLoop({ round, onError }: LoopOptions): Loop {
  let isStopping = false;
  let isNudged = false;
  let endPause: () => void = () => undefined;

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const run = async (): Promise<void> => {
    while (!isStopping) {
      isNudged = false;
      const pauseMs = await round().catch(onError);
      if (!isNudged && !isStopping) await pause(pauseMs);
    }
  };
  const ended = run();
  return {
    nudge() {
      isNudged = true;
      endPause();
    },
    stop() {
      isStopping = true;
      endPause();
      return ended;
    },
  };
}
