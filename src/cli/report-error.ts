import { CommanderError } from 'commander';
import { ConfigError } from '../config/problem.js';
import { redact } from '../observe/log.js';
import { CliError, ExitCode } from './exit.js';

/** Tells what ended a command, secrets masked, and gives its exit code. */
export function reportError(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Done : ExitCode.Usage;
  const message = error instanceof Error ? error.message : String(error);
  const isOurs = error instanceof ConfigError || error instanceof CliError;
  process.stderr.write(`${isOurs ? message : redact(message)}\n`);
  if (error instanceof ConfigError) return ExitCode.Usage;
  return error instanceof CliError ? error.exitCode : ExitCode.Failed;
}
