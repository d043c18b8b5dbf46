import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import {
  type SandboxCampaignMonitor,
  type SandboxGhost,
  type SandboxList,
  seededRandom,
} from '../../src/sandbox/index.js';
import { type Chronicle, lower } from './chronicle.js';
import type { Courier } from './courier.js';
import type { Judge } from './judge.js';

/** One step of a random history; what it means depends on who is there when it is taken. */
export interface Step {
  do: keyof typeof weights;
  /** Whose life: each has its own people and addresses. */
  life: number;
  a: number;
  b: number;
  v: number;
}

/** What may happen, and how often. */
export const weights = {
  signUp: 10,
  importCsv: 5,
  rename: 4,
  label: 4,
  status: 4,
  newsletters: 4,
  remove: 6,
  removeAndReturn: 6,
  swap: 4,
  takeOver: 6,
  changeAddress: 10,
  changeCase: 2,
  signUpTwin: 2,
  bulkLabel: 2,
  bulkUnsubscribe: 2,
  bulkDelete: 3,
  suppress: 1,
  liftSuppression: 1,
  unsubscribeThere: 6,
  bounceThere: 2,
  deleteThere: 4,
  addThere: 4,
  addStranger: 2,
  strangerSaysNo: 1,
  webhooksLive: 3,
  webhooksLost: 2,
  webhooksKept: 3,
  releaseKept: 4,
  sendOld: 2,
  listFails: 1,
  listBusy: 1,
  listSlow: 1,
  listHangs: 1,
  ghostFails: 1,
  ghostSlow: 1,
  heal: 4,
  walk: 3,
  full: 3,
  restart: 1,
  breathe: 10,
  settle: 4,
} as const;

const LIVES = 5;
const ADDRESSES = 6;

/** Random histories of some lives, one step after another. */
export const arbitrarySteps = (without: readonly string[], length: number): fc.Arbitrary<Step[]> => {
  const small = fc.nat(11);
  const steps = Object.entries(weights)
    .filter(([name]) => !without.includes(name))
    .map(([name, weight]) => ({
      weight,
      arbitrary: fc.record({
        do: fc.constant(name as Step['do']),
        life: fc.nat(LIVES - 1),
        a: small,
        b: small,
        v: small,
      }),
    }));
  return fc.array(fc.oneof(...steps), { minLength: Math.ceil(length * 0.8), maxLength: length, size: 'max' });
};

/** What a history is played on. */
export interface Stage {
  ghost: SandboxGhost;
  cm: SandboxCampaignMonitor;
  list: SandboxList;
  chronicle: Chronicle;
  judge: Judge;
  courier: Courier;
  /** Starts a run where none runs. */
  sync(mode: 'walk' | 'full'): void;
  settled(withinMs: number): Promise<void>;
  restart(): Promise<void>;
}

/** One life: its addresses, its people, and what it did so far. */
export class Life {
  readonly addresses: string[];
  readonly strangers: string[];
  /** Addresses whose subscribers staff edited: only a reading back sees that. */
  readonly editedThere = new Set<string>();
  #people = 0;
  #version = 0;

  constructor(
    readonly prefix: string,
    readonly stage: Stage,
  ) {
    const address = (name: string): string => `${prefix}-${name}@example.org`;
    this.addresses = Array.from({ length: ADDRESSES }, (_, n) => address(`a${n}`));
    this.strangers = [address('s0'), address('s1')];
  }

  /** Every address that any step may touch. */
  get all(): string[] {
    return [...this.addresses, ...this.strangers];
  }

  members(): { id: string; email: string }[] {
    return this.stage.ghost.store.rows.filter(({ email }) => lower(email).startsWith(`${this.prefix}-`));
  }

  member(n: number) {
    const all = this.members();
    return all.length === 0 ? undefined : all[n % all.length]!;
  }

  address(n: number): string {
    return this.addresses[n % this.addresses.length]!;
  }

  free(n: number): string | undefined {
    const free = this.addresses.filter((one) => this.stage.chronicle.living(one).length === 0);
    return free.length === 0 ? undefined : free[n % free.length]!;
  }

  /** A subscriber that the list has in this state. */
  there(n: number, addresses = this.addresses, state = 'Active'): string | undefined {
    const all = addresses.filter((one) => this.stage.chronicle.stateOf(one) === state);
    return all.length === 0 ? undefined : all[n % all.length]!;
  }

  /** A name that tells whose it is and is never given twice. */
  newName(memberId?: string): string {
    const key = memberId === undefined ? undefined : this.stage.judge.keys.get(memberId);
    this.#version += 1;
    return `${key ?? this.newKey()} v${this.#version}`;
  }

  newKey(): string {
    this.#people += 1;
    return `${this.prefix}p${this.#people}`;
  }

  signUp(email: string, v: number, how: 'add' | 'import' = 'add'): string {
    const { ghost, judge } = this.stage;
    const key = this.newKey();
    // before it is there: the list may be written to before this returns
    this.#version += 1;
    const input = {
      email,
      name: `${key} v${this.#version}`,
      labels: v % 3 === 0 ? [`l${v}`] : [],
      subscribed: v % 4 !== 0,
    };
    if (how === 'import') ghost.members.importCsv([input]);
    else ghost.members.add(input);
    const row = ghost.store.rows.findLast((one) => one.email === email)!;
    judge.keys.set(row.id, key);
    return `${row.id} ${email}`;
  }
}

type Act = (life: Life, step: Step, stage: Stage) => string | undefined | Promise<string | undefined>;

/** Runs `then` where there is something to do it with. */
const given = <T>(value: T | undefined, then: (value: T) => string | undefined): string | undefined =>
  value === undefined ? undefined : then(value);

/** At the list's clock no two deeds of people fall into one second, as they do not in life: its dates tell them apart. */
function laterAtList({ chronicle }: Stage): void {
  chronicle.listAheadMs += 2_000;
}

const acts: Record<Step['do'], Act> = {
  signUp: (life, { a, v }) => given(life.free(a), (email) => life.signUp(email, v)),
  importCsv: (life, { a, b, v }, { ghost }) => {
    const over = life.member(b);
    if (v % 2 === 0 && over) {
      const name = life.newName(over.id);
      ghost.members.importCsv([{ email: over.email, name, labels: [`csv${v}`] }]);
      return `${over.id} over ${over.email}: ${name}`;
    }
    return given(life.free(a), (email) => life.signUp(email, v, 'import'));
  },
  rename: (life, { a }, { ghost }) =>
    given(life.member(a), ({ id }) => ghost.members.edit(id, { name: life.newName(id) }).name ?? ''),
  label: (life, { a, v }, { ghost }) =>
    given(life.member(a), ({ id }) => {
      ghost.members.edit(id, { labels: v % 3 === 0 ? [] : [`l${v}`, 'x'] });
      return id;
    }),
  status: (life, { a, v }, { ghost }) =>
    given(life.member(a), ({ id }) => {
      const status = (['free', 'paid', 'comped'] as const)[v % 3]!;
      ghost.members.edit(id, { status });
      return `${id} ${status}`;
    }),
  newsletters: (life, { a, v }, { ghost }) =>
    given(life.member(a), ({ id }) => {
      ghost.members.edit(id, { subscribed: v % 2 === 0 });
      return `${id} ${v % 2 === 0}`;
    }),
  remove: (life, { a }, { ghost }) =>
    given(life.member(a), ({ id, email }) => {
      ghost.members.remove(id);
      return `${id} ${email}`;
    }),
  removeAndReturn: async (life, { a, v }, { ghost }) => {
    const member = life.member(a);
    if (!member) return undefined;
    const { id, email } = member;
    ghost.members.remove(id);
    if (v % 3 === 0) await sleep(v * 60);
    return `${id} comes back as ${life.signUp(email, v)}`;
  },
  swap: (life, { a, b }, { ghost }) => {
    const [one, other] = [life.member(a), life.member(b)];
    const spare = life.free(a + b);
    if (!one || !other || one.id === other.id || lower(one.email) === lower(other.email) || !spare) return undefined;
    const [first, second] = [one.email, other.email];
    ghost.members.edit(one.id, { email: spare });
    ghost.members.edit(other.id, { email: first });
    ghost.members.edit(one.id, { email: second });
    return `${one.id} ${first} <-> ${other.id} ${second} by way of ${spare}`;
  },
  takeOver: (life, { a, b }, { ghost }) => {
    const [one, other] = [life.member(a), life.member(b)];
    const spare = life.free(a + b);
    if (!one || !other || one.id === other.id || lower(one.email) === lower(other.email) || !spare) return undefined;
    const freed = other.email;
    ghost.members.edit(other.id, { email: spare });
    ghost.members.edit(one.id, { email: freed });
    return `${other.id} leaves ${freed} for ${spare}, ${one.id} takes it`;
  },
  changeAddress: (life, { a, b }, { ghost }) =>
    given(life.member(a), ({ id, email: before }) =>
      given(life.free(b), (email) => {
        ghost.members.edit(id, { email });
        return `${id} ${before} -> ${email}`;
      }),
    ),
  changeCase: (life, { a }, { ghost }) =>
    given(life.member(a), ({ id, email: before }) => {
      const email = otherCase(before);
      if (ghost.store.byEmail(email)) return undefined;
      ghost.members.edit(id, { email });
      return `${id} ${email}`;
    }),
  // SQLite takes addresses that differ in case only for different people
  signUpTwin: (life, { a, v }, { ghost }) =>
    given(life.member(a), ({ email }) =>
      ghost.store.byEmail(otherCase(email)) ? undefined : life.signUp(otherCase(email), v),
    ),
  bulkLabel: (life, { v }, { ghost }) => {
    const ids = life.members().map(({ id }) => id);
    if (v % 3 === 0) ghost.members.bulkRemoveLabel(ids, 'x');
    else ghost.members.bulkAddLabel(ids, v % 2 === 0 ? 'x' : `bulk${v}`);
    return ids.join(' ');
  },
  bulkUnsubscribe: (life, { a, b }, { ghost }) => {
    const ids = [life.member(a), life.member(b)].flatMap((one) => one?.id ?? []);
    ghost.members.bulkUnsubscribe(ids);
    return ids.join(' ');
  },
  bulkDelete: (life, { a, b }, { ghost }) => {
    const ids = [life.member(a), life.member(b)].flatMap((one) => one?.id ?? []);
    ghost.members.bulkDelete([...new Set(ids)]);
    return ids.join(' ');
  },
  suppress: (life, { a }, { ghost }) =>
    given(life.member(a), ({ id }) => {
      ghost.members.suppress(id, 'fail');
      return id;
    }),
  liftSuppression: (life, { a }, { ghost }) =>
    given(life.member(a), ({ id }) => {
      ghost.members.suppress(id, null);
      return id;
    }),
  unsubscribeThere: (life, { a }, stage) =>
    given(life.there(a), (address) => {
      laterAtList(stage);
      stage.cm.state.unsubscribe(stage.list.listId, address);
      return address;
    }),
  bounceThere: (life, { a }, stage) =>
    given(life.there(a), (address) => {
      laterAtList(stage);
      stage.cm.state.bounce(stage.list.listId, address);
      return address;
    }),
  deleteThere: (life, { a }, stage) =>
    given(life.there(a), (address) => {
      laterAtList(stage);
      stage.cm.state.deleteByStaff(stage.list.listId, address);
      return address;
    }),
  addThere: (life, { a, v }, stage) => {
    laterAtList(stage);
    const address = life.address(a);
    const before = stage.chronicle.stateOf(address);
    // staff types in what it likes; twice the same as well
    const again = stage.judge.lenient.has('same-edit-again') ? ` ${life.newName()}` : '';
    const fields: Record<string, string> = v % 3 === 0 ? { ghost_status: `staff${v % 2}${again}` } : {};
    stage.cm.state.addByStaff(stage.list.listId, address, fields, v % 2 === 0 ? `Typed By Staff${again}` : '');
    life.editedThere.add(address);
    return `${address} was ${before}`;
  },
  addStranger: (life, { a }, stage) => {
    laterAtList(stage);
    const address = life.strangers[a % life.strangers.length]!;
    stage.cm.state.addByStaff(stage.list.listId, address, { ghost_status: 'none of yours' }, 'Stranger');
    return address;
  },
  strangerSaysNo: (life, { a }, stage) =>
    given(life.there(a, life.strangers), (address) => {
      laterAtList(stage);
      stage.cm.state.unsubscribe(stage.list.listId, address);
      return address;
    }),
  webhooksLive: (_life, _step, { courier }) => courier.switchTo('live').then(() => ''),
  webhooksLost: (_life, _step, { courier }) => courier.switchTo('drop').then(() => ''),
  webhooksKept: (_life, _step, { courier }) => courier.switchTo('keep').then(() => ''),
  releaseKept: async (_life, { a, b, v }, { courier }) =>
    `${await courier.release(seededRandom(1 + a + b * 12 + v * 144))}`,
  sendOld: async (life, { a, b }, { courier, ghost }) => {
    const ours = ghost.delivered.slice(-400).filter(({ body }) => lower(body).includes(`${life.prefix}-`));
    const old = ours.length === 0 ? [] : [ours[(a * 12 + b) % ours.length]!];
    await courier.send(old);
    return old.map(({ event, memberId }) => `${event} ${memberId}`).join('');
  },
  listFails: (_life, { v }, { cm }) => {
    cm.faults.set({ failEvery: { nth: 2 + (v % 3), status: 500 } });
    return '';
  },
  listBusy: (_life, { v }, { cm }) => {
    cm.faults.set({ failEvery: { nth: 2 + (v % 3), status: 429 } });
    return '';
  },
  listSlow: (_life, { v }, { cm }) => {
    cm.faults.set({ latencyMs: 50 * (v + 1) });
    return '';
  },
  listHangs: (_life, { v }, { cm }) => {
    // longer than our time-out: it lands, or has landed, though nobody answers
    cm.faults.set({ hangOnce: v % 2 === 0 ? { afterStoringMs: 6_000 } : { beforeStoringMs: 5_500 } });
    return '';
  },
  ghostFails: (_life, { v }, { ghost }) => {
    const status = ([500, 429, 503] as const)[v % 3]!;
    ghost.faults.set({ failEvery: { nth: 2 + (v % 3), status, body: v % 2 === 0 ? 'json' : 'html' } });
    return `${status}`;
  },
  ghostSlow: (_life, { v }, { ghost }) => {
    ghost.faults.set({ latencyMs: 60 * (v + 1) });
    return '';
  },
  heal: (_life, _step, { cm, ghost }) => {
    cm.faults.clear();
    ghost.faults.clear();
    return '';
  },
  walk: (_life, _step, { sync }) => {
    sync('walk');
    return '';
  },
  full: (_life, _step, { sync }) => {
    sync('full');
    return '';
  },
  restart: (_life, _step, { restart }) => restart().then(() => ''),
  breathe: async (_life, { v }) => {
    await sleep(v * v * 3);
    return '';
  },
  settle: async (_life, _step, { settled, cm, ghost }) => {
    const healthy = cm.faults.failEvery === undefined && ghost.faults.failEvery === undefined;
    if (healthy) await settled(60_000);
    return '';
  },
};

const otherCase = (email: string): string => {
  const [local = '', domain = ''] = email.split('@');
  return `${local === local.toLowerCase() ? local.toUpperCase() : local.toLowerCase()}@${domain}`;
};

/** Takes one step; gives a line for the reader of a failure. */
export async function take(lives: readonly Life[], step: Step, stage: Stage): Promise<string> {
  const life = lives[step.life % lives.length]!;
  const at = stage.chronicle.now;
  const time = new Date().toISOString().slice(11, 23);
  const done = await acts[step.do](life, step, stage);
  return `${at} ${time} ${life.prefix} ${step.do} ${done ?? '(nobody to do it with)'}`;
}

/** The lives of one round. */
export const createLives = (round: string, stage: Stage): Life[] =>
  Array.from({ length: LIVES }, (_, n) => new Life(`${round}l${n}`, stage));
