import type { Command } from 'commander';
import type { Following } from './run-sync.js';

/** How a run is followed and told. */
export interface TellingOptions extends Following {
  verbose: boolean;
}

/** Adds the options that every command has which starts a run of a site or an audience. */
export const addTellingOptions = (command: Command, what: string): Command =>
  command
    .option('--wait', `if a run of the ${what} goes on, start when it has ended`, false)
    .option('--verbose', 'list the people: prints e-mail addresses', false)
    .option('--json', 'print JSON', false);
