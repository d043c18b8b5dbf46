import { chmod, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { registerDaemon } from '../../src/cli/commands/daemon.js';
import { registerDb } from '../../src/cli/commands/db.js';
import { registerDelivery } from '../../src/cli/commands/delivery.js';
import { registerDoctor } from '../../src/cli/commands/doctor.js';
import { registerHealth } from '../../src/cli/commands/health.js';
import { registerHeld } from '../../src/cli/commands/held.js';
import { registerMember } from '../../src/cli/commands/member.js';
import { registerParked } from '../../src/cli/commands/parked.js';
import { registerQueue } from '../../src/cli/commands/queue.js';
import { registerSite } from '../../src/cli/commands/site.js';
import { eventually } from '../support/eventually.js';
import { Program } from '../support/program.js';
import { runHere } from '../support/run-here.js';
import { createWorld, type World } from '../support/world.js';

let world: World;

beforeAll(async () => {
  world = await createWorld({ withKey: true });
  await world.program.start();
  world.connectWebhooks();
}, 120_000);
afterAll(() => world.close(), 60_000);

const commands = [
  ...[registerMember, registerDelivery, registerParked, registerDb, registerSite, registerQueue],
  ...[registerHeld, registerHealth, registerDoctor, registerDaemon],
];
const register = (program: Command): void => {
  for (const one of commands) one(program);
};
const json = async (args: readonly string[]) => {
  const { stdout, code } = await runHere(register, [...args, '--json'], world.program.place);
  return { code, value: JSON.parse(stdout) };
};

test('a member goes the whole way, and every command tells of it', async () => {
  const { id } = world.ghost.members.add({ email: 'whole@example.org', name: 'Whole Way', labels: ['VIP'] });
  await world.ghost.settled();
  await world.settled(30_000);
  expect((await json(['member', 'show', world.site, 'WHOLE@example.org'])).value).toMatchObject({
    memberId: id,
    verdict: 'true',
    expected: { email: 'whole@example.org', name: 'Whole Way' },
    observed: { state: 'Active', outcome: 'confirmed' },
    timeline: [
      { what: 'status' },
      { what: 'delivery' },
      { what: 'change', detail: 'added, found by webhook' },
      { what: 'push', detail: 'import: confirmed' },
    ].map((entry) => expect.objectContaining(entry)),
  });
  const [delivery] = (await json(['delivery', 'list', '--site', world.site])).value;
  expect(delivery).toMatchObject({ memberId: id, event: 'member.added', outcome: 'applied' });
  expect((await json(['delivery', 'show', delivery.id])).value.payload.current).toMatchObject({ id });
  expect((await json(['site', 'list'])).value).toMatchObject([{ name: world.site, audience: world.listId }]);
  expect((await json(['queue'])).value).toMatchObject({
    sites: [{ site: world.site, waiting: 0, parked: 0, paused: null }],
    audiences: [{ audience: world.listId, due: 0 }],
  });
  expect((await json(['queue'])).value.workers.map(({ workers }: { workers: string[] }) => workers.length)).toEqual([
    1, 1, 1, 1, 1,
  ]);
  expect((await json(['parked', 'list'])).value).toEqual([]);
  expect((await json(['held', 'list'])).value).toEqual([]);
  expect((await json(['health'])).value).toMatchObject({ status: 'ok' });
  expect((await json(['doctor'])).value.filter(({ state }: { state: string }) => state === 'wrong')).toEqual([]);
  expect((await json(['db', 'status'])).value).toMatchObject({ pending: [], failed: [] });
  expect((await json(['daemon', 'status'])).value).toMatchObject({ running: true });
  expect((await json(['daemon', 'schedule'])).value).toMatchObject([
    { schedule: 'site-full/world', paused: false },
    { schedule: 'site-walk/world', paused: false },
  ]);
  const plain = await world.program.run(['member', 'show', world.site, id]);
  expect(plain.stdout).toContain('Whole Way');
});

test('a second start on the same stores refuses with 4 and names the running one', async () => {
  const { code, stderr } = await world.program.run(['start']);
  expect(code).toBe(4);
  expect(stderr).toContain(`pid ${world.program.pid}`);
});

test('its files are for its user only', async () => {
  for (const file of ['run.json', 'postgres-password'])
    expect((await stat(join(world.program.dataDir, file))).mode & 0o077).toBe(0);
});

test.each([
  [['member', 'show', 'world', 'nobody@example.org'], 1, /Nobody of site world/],
  [['member', 'show', 'elsewhere', 'x'], 2, /There is no site "elsewhere". Configured: world/],
  [['delivery', 'show', 'x'], 1, /There is no delivery x/],
  [['delivery', 'list', '--from', 'yesterday-ish'], 2, /2026-11-22T10:00Z/],
  [['parked', 'retry'], 2, /Say who/],
  [['parked', 'retry', 'member/world/none'], 1, /./],
  [['db', 'reset', '--yes'], 4, /Steward runs/],
])('steward %j ends with %i and says what to do', async (args, exitCode, says) => {
  const { code, stdout, stderr } = await runHere(register, args, world.program.place);
  expect({ code, output: stdout + stderr }).toEqual({ code: exitCode, output: expect.stringMatching(says) });
});

test.each([
  [['nonsense'], /unknown command/],
  [['start', '--role', 'cook'], /server, worker/],
])('steward %j ends with 2 and says what to do', async (args, says) => {
  const { code, stdout, stderr } = await world.program.run(args);
  expect({ code, output: stdout + stderr }).toEqual({ code: 2, output: expect.stringMatching(says) });
});

test('every command is told of by --help', async () => {
  const { code, stdout } = await world.program.run(['--help']);
  expect(code).toBe(0);
  const told = [...stdout.matchAll(/^ {2}([a-z]+)[ |]/gm)].map(([, name]) => name);
  expect(told).toEqual(
    'start daemon site member sync audience supporter delivery queue parked held health doctor organization key db help'.split(
      ' ',
    ),
  );
});

test('SIGTERM stops it in order with exit code 0, and a start after that finds everything again', async () => {
  expect(await world.program.stop()).toBe(0);
  const { code, stderr } = await world.program.run(['queue']);
  expect(code).toBe(1);
  expect(stderr).toContain('npm start');
  await world.program.start();
  expect((await json(['member', 'show', world.site, 'whole@example.org'])).value.verdict).toBe('true');
}, 60_000);

describe('a configuration that cannot work', () => {
  const startWith = async (variables: Record<string, string>, file?: object) => {
    const folder = await openFolder();
    if (file) await writeFile(join(folder, 'steward.config.json'), JSON.stringify(file));
    return new Program({ STEWARD_DATA_DIR: join(folder, 'data'), ...variables }, folder).run(['start']);
  };

  test('is told with all its problems at once, secrets masked, exit code 2', async () => {
    const secret = 'abcdef0123456789secret';
    const { code, stderr } = await startWith(
      {
        SITE1_NAME: 'a b',
        SITE1_GHOST_ADMIN_API_KEY: secret,
        SITE2_NAME: 'x',
        SITE2_COLOUR: 'red',
        PORT: 'http',
        LOG_LEVEL: 'loud',
      },
      { guard: { people: -1 }, unknown: 1 },
    );
    expect(code).toBe(2);
    for (const where of [
      'SITE1_NAME',
      'SITE1_GHOST_WEBHOOK_SECRET',
      'SITE1_CM_LIST_ID',
      'SITE1_CM_API_KEY',
      'SITE1_GHOST_URL',
      'SITE1_GHOST_ADMIN_API_KEY',
      'SITE2_COLOUR',
      'PORT',
      'LOG_LEVEL',
      'guard.people',
      'steward.config.json',
    ])
      expect(stderr).toContain(where);
    expect(stderr).not.toContain(secret);
  });

  test('two sites on one list are refused', async () => {
    const site = (n: number) => ({
      [`SITE${n}_NAME`]: `s${n}`,
      [`SITE${n}_GHOST_WEBHOOK_SECRET`]: 'x',
      [`SITE${n}_CM_LIST_ID`]: 'same',
    });
    const { code, stderr } = await startWith({ CM_API_KEY: 'k', ...site(1), ...site(2) });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('same list as SITE1_CM_LIST_ID') });
  });

  test('no site in production is refused with the variables to set', async () => {
    const { code, stderr } = await startWith({ NODE_ENV: 'production' });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('SITE1_NAME') });
  });

  test('a port that is taken gives a clear error', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    const port = await eventually(() => (other.address() as { port: number } | null)?.port);
    const { code, stderr } = await startWith({
      PORT: String(port),
      TEMPORAL_CLI: await temporalCli(),
      SITE1_NAME: 's',
      SITE1_GHOST_WEBHOOK_SECRET: 'x',
      SITE1_CM_LIST_ID: 'l',
      CM_API_KEY: 'k',
      CM_API_URL: world.cm.url,
    });
    other.close();
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(`Port ${port} on 127.0.0.1 is taken`),
    });
  }, 60_000);
});

/** A folder that the system user of Postgres can reach. */
async function openFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'steward-program-'));
  await chmod(folder, 0o755);
  return folder;
}

async function temporalCli(): Promise<string> {
  const environ = await readFile(`/proc/${world.program.pid}/environ`, 'utf8');
  return /TEMPORAL_CLI=([^\0]+)/.exec(environ)?.[1] ?? '';
}

test('without a site it starts the sandbox, says so, and its members move', async () => {
  const folder = await openFolder();
  const program = new Program(
    {
      STEWARD_DATA_DIR: join(folder, 'data'),
      PORT: String(41_000 + (process.pid % 1_000)),
      TEMPORAL_CLI: await temporalCli(),
      LOG_FORMAT: 'pretty',
    },
    folder,
  );
  try {
    await program.start();
    expect(program.output).toContain('SANDBOX');
    expect(program.output).toContain('steward audience sync a1b2c3d4e5 --dry-run');
    const { sandbox = {} } = await program.info();
    expect(sandbox).toMatchObject({ MAILCHIMP_API_KEY: '', MAILCHIMP_LIST_ID: '' });
    const held = await fetch(new URL('/__sandbox/state', sandbox['MAILCHIMP_API_URL']));
    const { audiences } = (await held.json()) as { audiences: { members: { status: string }[] }[] };
    expect([...new Set(audiences[0]!.members.map(({ status }) => status))].sort()).toEqual([
      'archived',
      'cleaned',
      'subscribed',
      'unsubscribed',
    ]);
    await eventually(
      async () => {
        const { stdout } = await program.run(['delivery', 'list', '--state', 'done', '--json']);
        return (JSON.parse(stdout) as unknown[]).length > 0;
      },
      { withinMs: 60_000, everyMs: 1_000 },
    );
    expect(
      (JSON.parse((await program.run(['site', 'list', '--json'])).stdout) as { name: string }[]).map(
        ({ name }) => name,
      ),
    ).toEqual(['sandbox']);
  } finally {
    expect(await program.stop()).toBe(0);
  }
}, 120_000);
