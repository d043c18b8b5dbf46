#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { ConfigError } from '../config/problem.js';
import { redact } from '../observe/log.js';
import { registerDaemon } from './commands/daemon.js';
import { registerDb } from './commands/db.js';
import { registerDelivery } from './commands/delivery.js';
import { registerDoctor } from './commands/doctor.js';
import { registerHealth } from './commands/health.js';
import { registerHeld } from './commands/held.js';
import { registerMember } from './commands/member.js';
import { registerParked } from './commands/parked.js';
import { registerQueue } from './commands/queue.js';
import { registerSite } from './commands/site.js';
import { registerStart } from './commands/start.js';
import { CliError, ExitCode } from './exit.js';

const program = new Command('steward')
  .description('Keeps audience lists true: Ghost members to Campaign Monitor.')
  .version(process.env['npm_package_version'] ?? '0.1.0')
  .showHelpAfterError('(add --help for the options)')
  .exitOverride();

for (const register of [
  registerStart,
  registerDaemon,
  registerSite,
  registerMember,
  registerDelivery,
  registerQueue,
  registerParked,
  registerHeld,
  registerHealth,
  registerDoctor,
  registerDb,
]) {
  register(program);
}

try {
  await program.parseAsync();
  // children and native threads must not keep a finished command alive
  process.exit(process.exitCode ?? ExitCode.Done);
} catch (error) {
  process.exit(report(error));
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Done : ExitCode.Usage;
  const message = error instanceof Error ? error.message : String(error);
  const isOurs = error instanceof ConfigError || error instanceof CliError;
  process.stderr.write(`${isOurs ? message : redact(message)}\n`);
  if (error instanceof ConfigError) return ExitCode.Usage;
  return error instanceof CliError ? error.exitCode : ExitCode.Failed;
}
