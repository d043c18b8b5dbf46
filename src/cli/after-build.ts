import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { configFileSchema } from '../config/config-file.js';
import { packageDir } from './folders.js';

// Run by `npm run build`: makes `npx steward` find the program of this checkout, and publishes the schema of the configuration file.

const bin = join(packageDir, 'node_modules', '.bin');
await chmod(join(packageDir, 'dist/src/cli/main.js'), 0o755);
if (process.platform !== 'win32') {
  await mkdir(bin, { recursive: true });
  await rm(join(bin, 'steward'), { force: true });
  await symlink('../../dist/src/cli/main.js', join(bin, 'steward'));
}

const schema = z.toJSONSchema(configFileSchema, { io: 'input', target: 'draft-7' });
await writeFile(join(packageDir, 'docs', 'steward.config.schema.json'), `${JSON.stringify(schema, null, 2)}\n`);
