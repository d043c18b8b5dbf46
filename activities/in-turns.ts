import type { Writing } from './audience-push.js';

/**
 * Makes calls, as many at once as the destination takes. None is begun after one has failed or the writer should end; settles when
 * those begun have ended. @throws what the first failed one threw
 */
export async function inTurns<T>(
  { destination, ended }: Pick<Writing, 'destination' | 'ended'>,
  calls: readonly T[],
  make: (call: T) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < calls.length && errors.length === 0 && !ended.aborted) {
      const call = calls[next]!;
      next += 1;
      await make(call).catch((error: unknown) => errors.push(error));
    }
  };
  await Promise.all(Array.from({ length: destination.limits.callsAtOnce }, lane));
  if (errors.length > 0) throw errors[0];
}
