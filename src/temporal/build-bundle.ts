import { writeFile } from 'node:fs/promises';
import { bundleWorkflowCode } from '@temporalio/worker';

// Run by `npm run build`: workers load the finished bundle, which saves seconds at every start.

const workflowsPath = new URL('../../workflows/index.js', import.meta.url).pathname;
const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, log() {} };
const { code } = await bundleWorkflowCode({ workflowsPath, logger: quiet });
await writeFile(new URL('../../workflow-bundle.js', import.meta.url), code);
