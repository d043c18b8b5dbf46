import { Argument, type Command } from 'commander';
import { RESOURCES, type ResourceScope } from '../../contract/organization-sync.js';

/** How a sync of organizations is carried out and followed. */
export interface SyncOptions {
  dryRun: boolean;
  confirmMissing: boolean;
  /** Waits for one of the same scope that runs already, then starts. */
  wait: boolean;
  json: boolean;
}

const SCOPES: readonly ResourceScope[] = [...RESOURCES, 'all'];

/** `<resource>`: one of them, or all. */
export const resourceArgument = (): Argument =>
  new Argument('<resource>', 'campaigns and supporters come before transactions and plans in `all`').choices(SCOPES);

/** Adds `[mode]` and the options that every sync of organizations has. */
export const addSyncOptions = (command: Command): Command =>
  command
    .addArgument(
      new Argument('[mode]', 'what changed since the last time; or everything, and what is not there any more')
        .choices(['incremental', 'full'])
        .default('incremental'),
    )
    .option('--dry-run', 'read and count what would change; write nothing', false)
    .option(
      '--confirm-missing',
      'with full: mark as missing what Classy does not show any more, however much it is',
      false,
    )
    .option('--wait', 'if such a run goes on, start when it has ended', false)
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done in part (records were set aside), 4 refused by the guard or
already running, 130 you stopped waiting; the run goes on.
A run is the workflow organization-sync/<organization>/<resource> in Temporal.`,
    );
