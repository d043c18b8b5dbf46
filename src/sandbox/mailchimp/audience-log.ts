import type { AutomationTrigger, MemberWrite, StatusChange } from './member.js';

const keptWrites = 500_000;

/** What happened in an audience: every change of a status, every write of the API, every mail and automation set off. */
export class AudienceLog {
  /** Every change of a status, oldest first. */
  readonly changes: StatusChange[] = [];
  /** The newest 500,000 writes of the API or a few less, oldest first. */
  readonly writes: MemberWrite[] = [];
  /** Tags that were given by the API without `is_syncing`. */
  readonly automations: AutomationTrigger[] = [];
  /** Addresses that were sent a mail to confirm, once per mail. */
  readonly confirmationMails: string[] = [];
  readonly #changesOf = new Map<string, StatusChange[]>();
  readonly #writesOf = new Map<string, MemberWrite[]>();

  constructor(readonly listId: string) {}

  change(change: StatusChange): void {
    this.changes.push(change);
    file(this.#changesOf, change);
  }

  write(write: Omit<MemberWrite, 'listId' | 'at'>): void {
    const stored = { ...write, listId: this.listId, at: Date.now() };
    this.writes.push(stored);
    file(this.#writesOf, stored);
    if (this.writes.length <= keptWrites) return;
    this.writes.splice(0, keptWrites / 10);
    this.#writesOf.clear();
    for (const kept of this.writes) file(this.#writesOf, kept);
  }

  changesOf(email: string): readonly StatusChange[] {
    return this.#changesOf.get(email.trim().toLowerCase()) ?? [];
  }

  writesOf(email: string): readonly MemberWrite[] {
    return this.#writesOf.get(email.trim().toLowerCase()) ?? [];
  }
}

function file<Entry extends { address: string }>(index: Map<string, Entry[]>, entry: Entry): void {
  const known = index.get(entry.address);
  if (known) known.push(entry);
  else index.set(entry.address, [entry]);
}
