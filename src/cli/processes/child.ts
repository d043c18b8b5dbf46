import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Logger } from '../../observe/log.js';
import type { ProcessMetrics } from '../../server/app.js';
import type { FromChild, ToChild } from './messages.js';
import type { Stores } from './server-role.js';

/** A process of the same command beside this one. */
export interface Child {
  ready: Omit<Extract<FromChild, { type: 'ready' }>, 'type'>;
  /** Settles when it ended, whether asked to or not. */
  exited: Promise<void>;
  send(message: ToChild): void;
  stop(): Promise<void>;
}

/** How a child is started. */
export interface ChildOptions {
  kind: 'server' | 'sandbox';
  env: NodeJS.ProcessEnv;
  stores?: Stores;
  /** Answers the child's questions for this process's metrics. */
  readMetrics?: () => Promise<ProcessMetrics>;
  log: Logger;
}

const STOP_PATIENCE_MS = 30_000;

/** Forks a child and waits until it is ready. @throws with the child's own message when it fails to start */
export async function startChild({ kind, env, stores, readMetrics, log }: ChildOptions): Promise<Child> {
  const child = fork(new URL('../child-main.js', import.meta.url), [kind], {
    env,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit').then(() => undefined);
  const send = (message: ToChild): void => {
    if (child.connected) child.send(message);
  };
  const ready = await new Promise<Child['ready']>((resolve, reject) => {
    child.on('message', (message: FromChild) => {
      if (message.type === 'ready') resolve(message);
      else if (message.type === 'failed') reject(new Error(message.message));
      else void readMetrics?.().then((metrics) => send({ type: 'metrics', id: message.id, metrics }));
    });
    child.on('exit', () => reject(new Error(`the ${kind} process ended before it was ready`)));
    send({ type: 'start', ...(stores ? { stores } : {}) });
  });
  return {
    ready,
    exited,
    send,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      send({ type: 'stop' });
      const timer = setTimeout(() => {
        log.warn({ process: kind }, 'a process does not stop and is killed');
        child.kill('SIGKILL');
      }, STOP_PATIENCE_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}
