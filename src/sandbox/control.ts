import { type Faults, faultsPatchSchema } from './faults.js';
import type { Answer, Request } from './stand-in.js';

/** Answers `GET` and `PUT /__sandbox/faults` and `GET /__sandbox/state`, on every stand-in and whatever its faults. */
export function controlAnswer(request: Request, faults: Faults, dump: () => unknown): Answer {
  if (request.path === '/__sandbox/state' && request.method === 'GET') return json(200, dump());
  if (request.path !== '/__sandbox/faults')
    return json(404, { error: 'there is /__sandbox/faults and /__sandbox/state' });
  if (request.method === 'GET') return json(200, faults);
  if (request.method !== 'PUT') return json(405, { error: 'use GET or PUT' });
  const patch = faultsPatchSchema.safeParse(parse(request.body));
  if (!patch.success) return json(400, { error: 'not a set of faults', issues: patch.error.issues });
  faults.set(patch.data);
  return json(200, faults);
}

function json(status: number, value: unknown): Answer {
  return { status, headers: { 'content-type': 'application/json' }, body: `${JSON.stringify(value, undefined, 2)}\n` };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
