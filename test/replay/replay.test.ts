import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';

// Histories of runs that may still be open somewhere: today's code must replay them. New ones: RECORD_HISTORIES=1 with test/e2e/{operate,first-contact,audience-sync}.

Runtime.install({
  logger: new DefaultLogger('ERROR'),
  shutdownSignals: [],
  telemetryOptions: { logging: { forward: {}, filter: { core: 'ERROR', other: 'ERROR' } } },
});

const folder = 'test/histories';
const codePath = join(process.cwd(), 'dist/workflow-bundle.js');

test.each(readdirSync(folder))('the history %s replays on the present code', async (file) => {
  const history = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  await Worker.runReplayHistory({ workflowBundle: { codePath } }, history, `replay/${file}`);
});

test('a history that does not fit the code is noticed', async () => {
  const { events } = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8')) as {
    events: { activityTaskScheduledEventAttributes?: { activityType: { name: string } } }[];
  };
  for (const { activityTaskScheduledEventAttributes: scheduled } of events)
    if (scheduled) scheduled.activityType.name = 'somethingElse';
  await expect(
    Worker.runReplayHistory({ workflowBundle: { codePath } }, { events }, 'replay/changed'),
  ).rejects.toThrow();
});
