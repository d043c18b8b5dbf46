import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../ledger/ledger.js';
import type { Logger } from '../observe/log.js';
import { startLoop } from './loop.js';
import { createSlots } from './slots.js';
import type { Starter } from './starter.js';

/** What the relay works with. */
export interface RelayDeps {
  ledger: Ledger;
  starter: Starter;
  /** Configured sites: whose backlog may be caught up with. */
  sites: readonly string[];
  /** Audiences of configured sites; those of organizations are in the ledger, others have nobody who could write to them. */
  audiences: readonly string[];
  /** True during a burst of webhooks: their answers come first. */
  isInBurst: () => boolean;
  log: Logger;
}

/** Wakes whatever the ledger says should run: members with waiting deliveries, parked members, writers. */
export interface Relay {
  /** A delivery was stored: look at once. */
  nudge(): void;
  stop(): Promise<void>;
}

/** Signal-with-starts under way at a time: more only makes each of them slower. */
const AT_A_TIME = 8;
/** Members woken and not yet done, over all servers: enough to keep workers busy, few enough to stay quick. */
const WINDOW = 64;
const IDLE_MS = 1_000;
/** Pause while there may be more: outcomes make room in the window. */
const BUSY_MS = 200;
/** Shortest pause between two looks at the writers. */
const WRITERS_MS = 100;
/** Shortest pause between two looks at how much waits. */
const BACKLOG_MS = 500;
const PARKED_A_ROUND = 20;
/** Longest that waking stands back for answers, and how often it looks. */
const STAND_BACK_MS = 500;
const STAND_BACK_POLL_MS = 5;

/** Starts a relay; any number of them work side by side, since each claims what it wakes. */
export function startRelay({ ledger, starter, sites, audiences, isInBurst, log }: RelayDeps): Relay {
  let isDown = false;
  const slots = createSlots(AT_A_TIME);
  const standBack = async (): Promise<void> => {
    const end = Date.now() + STAND_BACK_MS;
    while (isInBurst() && Date.now() < end) await sleep(STAND_BACK_POLL_MS);
  };

  /** Signals one; where Temporal does not take it, the claim is given back and the rest of the round waits. */
  const signal = async (send: () => Promise<void>, giveBack: () => Promise<void>): Promise<void> => {
    try {
      await send();
      if (isDown) log.info('Temporal answers again: what waits is being started');
      isDown = false;
    } catch (error) {
      if (!isDown) log.warn({ err: error }, 'Temporal does not take signals: deliveries wait in the inbox');
      isDown = true;
      // a claim that cannot be given back is due again by itself
      await giveBack().catch(() => undefined);
    }
  };
  const onError = (error: unknown): number => {
    log.warn({ err: error }, 'relay cannot reach the ledger');
    return IDLE_MS;
  };

  let lookedForBacklogAt = 0;
  /** More than live runs can soon take goes by pages. */
  const catchUp = async (): Promise<void> => {
    if (Date.now() - lookedForBacklogAt < BACKLOG_MS) return;
    lookedForBacklogAt = Date.now();
    for (const { site } of await ledger.catchUp.claim(sites)) {
      await signal(
        () => starter.signalCatchUp(site),
        () => ledger.catchUp.end(site),
      );
    }
  };

  const members = startLoop({
    onError,
    async round() {
      await standBack();
      await catchUp();
      const claimed = await ledger.inbox.claimWakes(WINDOW);
      const wake = ({ site, memberId }: (typeof claimed)[number]): Promise<void> =>
        signal(
          () => starter.signalMember(site, memberId),
          () => ledger.inbox.returnWake(site, memberId),
        );
      for (const [index, one] of claimed.entries()) {
        // while Temporal is down the first of them is the probe
        if (isDown && index > 0) await ledger.inbox.returnWake(one.site, one.memberId);
        else if (isDown) await wake(one);
        else await slots.start(() => wake(one));
      }
      return claimed.length > 0 && !isDown ? BUSY_MS : IDLE_MS;
    },
  });

  let lookedAt = 0;
  const others = startLoop({
    onError,
    async round() {
      lookedAt = Date.now();
      for (const { audience, destination } of await ledger.audiences.claimWakes(audiences)) {
        await signal(
          () => starter.signalWriter(audience, destination),
          () => ledger.audiences.returnWake(audience),
        );
      }
      for (const { site, memberId } of await ledger.parked.claimWakes(PARKED_A_ROUND)) {
        await signal(
          () => starter.signalMember(site, memberId),
          () => ledger.parked.returnWake(site, memberId),
        );
      }
      return IDLE_MS;
    },
  });
  let soon: NodeJS.Timeout | undefined;
  const listening = ledger.onDue(() => {
    soon ??= setTimeout(
      () => {
        soon = undefined;
        others.nudge();
      },
      Math.max(0, lookedAt + WRITERS_MS - Date.now()),
    );
  });

  return {
    nudge: members.nudge,
    async stop() {
      clearTimeout(soon);
      await Promise.all([members.stop(), others.stop(), listening.end()]);
      await slots.idle();
    },
  };
}
