#!/usr/bin/env node
import { Command } from 'commander';
import { ExitCode } from './exit.js';
import { reportError } from './report-error.js';

const program = new Command('steward')
  .description('Keeps audience lists true: Ghost members to Campaign Monitor, Classy donors to Postgres and MailChimp.')
  .version(process.env['npm_package_version'] ?? '0.1.0')
  .showHelpAfterError('(add --help for the options)')
  .exitOverride();

// only what the command needs is loaded: a command that only asks answers soon
const commands: Record<string, () => Promise<(program: Command) => void>> = {
  start: async () => (await import('./commands/start.js')).registerStart,
  daemon: async () => (await import('./commands/daemon.js')).registerDaemon,
  site: async () => (await import('./commands/site.js')).registerSite,
  member: async () => (await import('./commands/member.js')).registerMember,
  sync: async () => (await import('./commands/sync.js')).registerSync,
  audience: async () => (await import('./commands/audience.js')).registerAudience,
  supporter: async () => (await import('./commands/supporter.js')).registerSupporter,
  delivery: async () => (await import('./commands/delivery.js')).registerDelivery,
  queue: async () => (await import('./commands/queue.js')).registerQueue,
  parked: async () => (await import('./commands/parked.js')).registerParked,
  held: async () => (await import('./commands/held.js')).registerHeld,
  health: async () => (await import('./commands/health.js')).registerHealth,
  doctor: async () => (await import('./commands/doctor.js')).registerDoctor,
  organization: async () => (await import('./commands/organization.js')).registerOrganization,
  key: async () => (await import('./commands/key.js')).registerKey,
  db: async () => (await import('./commands/db.js')).registerDb,
};
const aliases: Record<string, string> = { org: 'organization' };
const name = process.argv[2] ?? '';
const asked = commands[aliases[name] ?? name];
for (const load of asked ? [asked] : Object.values(commands)) (await load())(program);

try {
  await program.parseAsync();
  // children and native threads must not keep a finished command alive
  process.exit(process.exitCode ?? ExitCode.Done);
} catch (error) {
  process.exit(reportError(error));
}
