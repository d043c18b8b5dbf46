import { z } from 'zod';

const regex = z.string().refine((text) => isRegex(text), 'must be a regular expression');
const ms = z.number().min(0).max(3_600_000);

const failEverySchema = z.strictObject({
  nth: z.number().int().min(1),
  status: z.union([z.literal(500), z.literal(429), z.literal(503)]),
  body: z.enum(['json', 'html']).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  match: regex.optional(),
});
const hangOnceSchema = z.strictObject({
  beforeStoringMs: ms.optional(),
  afterStoringMs: ms.optional(),
  match: regex.optional(),
});
const everySchema = z.number().int().min(1);
const addressesSchema = z.array(z.string()).transform((all) => all.map((address) => address.toLowerCase()));

/** What `PUT /__sandbox/faults` accepts: the faults to change; `null` switches one off, what is absent stays. */
export const faultsPatchSchema = z.strictObject({
  latencyMs: ms.optional(),
  latencyMatch: regex.nullish(),
  outage: z.boolean().optional(),
  unauthorized: z.boolean().optional(),
  gone: z.boolean().optional(),
  html: z.boolean().optional(),
  failEvery: failEverySchema.nullish(),
  hangOnce: hangOnceSchema.nullish(),
  refuseAddresses: addressesSchema.optional(),
  poisonAddresses: addressesSchema.optional(),
  amountsAsText: z.boolean().optional(),
  dates: z.enum(['offset', 'z', 'millis']).nullish(),
  edgeForbidden: z.boolean().optional(),
  truncateEvery: everySchema.nullish(),
  repeatPageEvery: everySchema.nullish(),
  totalLies: z.number().int().optional(),
  unavailableInsteadOf429: z.boolean().optional(),
  dropEvery: everySchema.nullish(),
});

/** Every `nth` request whose path matches gets this answer; counting starts when the fault is set. */
export type FailEvery = z.infer<typeof failEverySchema>;
/** How the next write request hangs: applied that late (even when its client is gone), or answered that late. */
export type HangOnce = z.infer<typeof hangOnceSchema>;
/** A fault that happens every so often. */
type EveryFault = 'truncateEvery' | 'repeatPageEvery' | 'dropEvery';
/** A change of faults, as sent over HTTP or given in process. */
export type FaultsPatch = z.input<typeof faultsPatchSchema>;

/** The faults of one stand-in, all off at first; assign a property, or `set` several, at any time. */
export class Faults {
  /** Milliseconds by which every answer is late; the work itself is done at once. */
  latencyMs = 0;
  /** Limits `latencyMs` to paths that match this regular expression. */
  latencyMatch: string | undefined;
  /** Every socket is destroyed as soon as it asks something; the control endpoints still answer. */
  outage = false;
  /** Every key is answered like a revoked one. */
  unauthorized = false;
  /** The list (Campaign Monitor), the whole Admin API (Ghost) or every record (Classy) is answered as if it did not exist. */
  gone = false;
  /** Everything is answered 502 with HTML, as a proxy in front would. */
  html = false;
  /** The next write request hangs like this; it takes itself off. */
  hangOnce: HangOnce | undefined;
  /** Campaign Monitor: these addresses are refused with code 1. */
  refuseAddresses: string[] = [];
  /** Campaign Monitor: an import that holds one of these fails as a whole with HTTP 500. */
  poisonAddresses: string[] = [];
  /** Classy: every amount is a JSON string. */
  amountsAsText = false;
  /** Classy: date-times are written with `+0000`, with `Z`, or with milliseconds; off: as they are stored. */
  dates: 'offset' | 'z' | 'millis' | undefined;
  /** Classy: data calls are answered 403 with the HTML of the edge in front. */
  edgeForbidden = false;
  /** Classy: every such list answer is cut in the middle of its JSON. */
  truncateEvery: number | undefined;
  /** Classy: every such list answer is the previous one of the same path again. */
  repeatPageEvery: number | undefined;
  /** Classy: added to the `total` of lists, and `last_page` accordingly; never below 0. */
  totalLies = 0;
  /** Classy: whoever asks too often is answered 503, as before 2026. */
  unavailableInsteadOf429 = false;
  /** The socket of every such request is destroyed after the request was read. */
  dropEvery: number | undefined;
  readonly #turns = new Map<EveryFault, { nth: number; counted: number }>();
  #failEvery: FailEvery | undefined;
  #counted = 0;

  get failEvery(): FailEvery | undefined {
    return this.#failEvery;
  }

  set failEvery(value: FailEvery | undefined) {
    this.#failEvery = value;
    this.#counted = 0;
  }

  /** Changes several faults at once; throws a ZodError when the patch is not valid. */
  set(patch: FaultsPatch): void {
    for (const [name, value] of Object.entries(faultsPatchSchema.parse(patch))) {
      if (value !== undefined) Object.assign(this, { [name]: value ?? undefined });
    }
  }

  /** Switches everything off. */
  clear(): void {
    Object.assign(this, new Faults());
    this.failEvery = undefined;
    this.#turns.clear();
  }

  /** Whether it is the turn of a fault that happens every so often; counts from when the fault is first met. */
  takeTurn(name: EveryFault): boolean {
    const nth = this[name];
    if (nth === undefined) {
      this.#turns.delete(name);
      return false;
    }
    const turn = this.#turns.get(name);
    const counted = turn?.nth === nth ? turn.counted + 1 : 1;
    this.#turns.set(name, { nth, counted });
    return counted % nth === 0;
  }

  /** The failure this request gets by `failEvery`, if it is its turn; counts the request. Throws to drop its connection. */
  takeFailure(path: string): FailEvery | undefined {
    if (this.takeTurn('dropEvery')) throw new Error('the connection is dropped by a fault');
    const fault = this.#failEvery;
    if (!fault || !matches(fault.match, path)) return undefined;
    this.#counted += 1;
    return this.#counted % fault.nth === 0 ? fault : undefined;
  }

  /** How this write request hangs, if it is the one; takes the fault off. */
  takeHang(method: string, path: string): HangOnce | undefined {
    const fault = this.hangOnce;
    if (!fault || method === 'GET' || method === 'HEAD' || !matches(fault.match, path)) return undefined;
    this.hangOnce = undefined;
    return fault;
  }

  /** Milliseconds by which the answer to this path is late. */
  latencyFor(path: string): number {
    return matches(this.latencyMatch, path) ? this.latencyMs : 0;
  }

  toJSON(): object {
    return { ...this, failEvery: this.#failEvery };
  }
}

function matches(pattern: string | undefined, path: string): boolean {
  return pattern === undefined || new RegExp(pattern).test(path);
}

function isRegex(text: string): boolean {
  try {
    return Boolean(new RegExp(text));
  } catch {
    return false;
  }
}
