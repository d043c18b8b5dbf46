import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';

const poller = { type: 'autoscaling', initial: 2, minimum: 1, maximum: 5 } as const;

/** Workflows a second that the server at `address` takes when each does nothing but one empty activity; started as the relay does, 8 at a time. */
export async function bareLimit(address: string, count: number): Promise<number> {
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  const connection = await NativeConnection.connect({ address });
  const workers = await Promise.all([
    Worker.create({
      connection,
      taskQueue: 'bare',
      workflowsPath: fileURLToPath(new URL('./bare-workflow.js', import.meta.url)),
      workflowTaskPollerBehavior: poller,
    }),
    Worker.create({
      connection,
      taskQueue: 'bare-activities',
      activities: { nothing: async () => undefined },
      activityTaskPollerBehavior: poller,
    }),
  ]);
  const runs = workers.map((worker) => worker.run());
  const client = new Client({ connection: await Connection.connect({ address }) });
  const round = async (prefix: string, rounds: number): Promise<number> => {
    const begun = performance.now();
    const ids = Array.from({ length: rounds }, (_, n) => `${prefix}-${n}`);
    const results: Promise<unknown>[] = [];
    const start = async (): Promise<void> => {
      for (let workflowId = ids.shift(); workflowId; workflowId = ids.shift()) {
        const handle = await client.workflow.signalWithStart('bare', { workflowId, taskQueue: 'bare', signal: 'wake' });
        results.push(handle.result());
      }
    };
    await Promise.all(Array.from({ length: 8 }, start));
    await Promise.all(results);
    return rounds / ((performance.now() - begun) / 1000);
  };
  await round(`warm-${process.pid}`, 50);
  const rate = await round(`bare-${process.pid}`, count);
  for (const worker of workers) worker.shutdown();
  await Promise.all(runs);
  await connection.close();
  await client.connection.close();
  return rate;
}
