import { type Command, InvalidArgumentError, Option } from 'commander';
import { start } from '../start.js';

const ROLES = ['server', 'worker'] as const;
type Role = (typeof ROLES)[number];

/** Parses `--role server,worker`. */
function parseRoles(value: string): ReadonlySet<Role> {
  const names = value.split(',').map((name) => name.trim());
  const roles = ROLES.filter((role) => names.includes(role));
  if (roles.length !== names.length) throw new InvalidArgumentError(`roles are ${ROLES.join(', ')}`);
  return new Set(roles);
}

/** `steward start`. */
export function registerStart(program: Command): void {
  program
    .command('start')
    .description(
      'run in the foreground: HTTP, workers and, unless configured otherwise, an embedded Postgres and Temporal',
    )
    .addOption(
      new Option('--role <roles>', 'one alone needs DATABASE_URL and TEMPORAL_ADDRESS')
        .argParser(parseRoles)
        .default(new Set(ROLES), ROLES.join(',')),
    )
    .option('--sandbox', 'made-up vendors instead of the configured sites', false)
    .option('--log-file <file>', 'where the output goes, for `daemon status`')
    .action(({ role, sandbox, logFile }: { role: ReadonlySet<Role>; sandbox: boolean; logFile?: string }) =>
      start({ roles: role, sandbox, folder: process.cwd(), logFile }),
    );
}
