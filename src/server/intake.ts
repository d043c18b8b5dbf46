import type { NewDelivery } from '../ledger/inbox.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Logger } from '../observe/log.js';
import { type Loop, startLoop } from '../temporal/loop.js';
import type { Spool } from './spool.js';
import { within } from './within.js';

/** What the intake works with. */
export interface IntakeDeps {
  ledger: Ledger;
  spool: Spool;
  /** Told after deliveries were stored. */
  onStored: () => void;
  log: Logger;
}

/** Stores deliveries before they are acknowledged (house decision 2). */
export interface Intake {
  /** Gives the id under which the delivery is known. @throws when nothing durable answers */
  accept(delivery: NewDelivery): Promise<string>;
  /** Whether a delivery would be stored, in the ledger or the spool. */
  canStore(): Promise<boolean>;
  /** True while more deliveries come in than anybody could work off at once. */
  isInBurst(): boolean;
  /** True while deliveries go to the spool. */
  isSpooling(): boolean;
  stop(): Promise<void>;
}

/** Longest wait for the ledger; Ghost itself gives up after 2 s. */
const LEDGER_PATIENCE_MS = 1_000;
const MOST_A_STATEMENT = 200;
const FEED_MS = 1_000;
/** More than so many deliveries in a window are a burst. */
const BURST = 20;
const WINDOW_MS = 100;

interface Waiting {
  delivery: NewDelivery;
  resolve: (id: string) => void;
  reject: (error: unknown) => void;
}

/**
 * Deliveries that arrive while others are being stored go together in the next statement, so a burst costs few commits.
 * When the ledger does not answer they are appended to the spool, and fed in once it does.
 */
export function createIntake({ ledger, spool, onStored, log }: IntakeDeps): Intake {
  let queue: Waiting[] = [];
  let isStoring = false;
  let isDown = false;
  let [windowBegan, accepted] = [0, 0];

  const storeAll = async (): Promise<void> => {
    isStoring = true;
    while (queue.length > 0) {
      const batch = queue.slice(0, MOST_A_STATEMENT);
      queue = queue.slice(MOST_A_STATEMENT);
      await storeBatch(batch);
    }
    isStoring = false;
  };
  const storeBatch = async (batch: readonly Waiting[]): Promise<void> => {
    const deliveries = batch.map(({ delivery }) => delivery);
    try {
      const ids = isDown ? undefined : await storeInLedger(deliveries);
      if (ids) onStored();
      else await spool.append(deliveries.map((delivery) => ({ ...delivery, receivedAt: new Date() })));
      for (const [index, { resolve, delivery }] of batch.entries()) resolve(ids?.[index] ?? delivery.id);
    } catch (error) {
      log.error({ err: error }, 'delivery could not be stored anywhere');
      for (const { reject } of batch) reject(error);
    }
  };
  const storeInLedger = async (deliveries: readonly NewDelivery[]): Promise<string[] | undefined> => {
    try {
      return await within(LEDGER_PATIENCE_MS, ledger.inbox.store(deliveries));
    } catch (error) {
      if (!isDown) log.warn({ err: error }, 'the ledger does not answer: deliveries go to the spool');
      isDown = true;
      return undefined;
    }
  };

  const feeder: Loop = startLoop({
    async round() {
      await ledger.ping();
      if (isDown) log.info('the ledger answers again');
      isDown = false;
      const fed = await spool.feed(ledger.inbox.store, ledger.ping);
      if (fed > 0) {
        log.info({ deliveries: fed }, 'spooled deliveries are in the inbox');
        onStored();
      }
      return FEED_MS;
    },
    onError: () => FEED_MS,
  });

  return {
    accept: (delivery) =>
      new Promise((resolve, reject) => {
        if (Date.now() - windowBegan >= WINDOW_MS) [windowBegan, accepted] = [Date.now(), 0];
        accepted += 1;
        queue.push({ delivery, resolve, reject });
        if (!isStoring) void storeAll();
      }),
    canStore: async () => (!isDown && (await answers(ledger))) || spool.isWritable(),
    isInBurst: () => accepted > BURST && Date.now() - windowBegan < 2 * WINDOW_MS,
    isSpooling: () => isDown,
    stop: () => feeder.stop(),
  };
}

const answers = (ledger: Ledger): Promise<boolean> =>
  within(LEDGER_PATIENCE_MS, ledger.ping()).then(
    () => true,
    () => false,
  );
