import { randomUUID } from 'node:crypto';
import { invalid, notFound } from './errors.js';
import {
  checkEmail,
  type ImportRow,
  idsOf,
  labelIds,
  type MemberInput,
  newsletterIds,
  signUpNewsletters,
} from './member-input.js';
import { deletedShape, labelsOf, type MemberJson, newslettersOf, tiersOf, webhookShape } from './shapes.js';
import type { GhostStore, MemberRow } from './store.js';
import type { Traits } from './version.js';
import type { GhostEvent, GhostWebhooks } from './webhooks.js';

const plainKeys = ['email', 'name', 'note', 'geolocation', 'status', 'last_seen_at'] as const;

/** Adds, edits and removes members as a site's people and staff do; one at a time fires webhooks, in bulk does not. */
export class GhostMembers {
  constructor(
    readonly store: GhostStore,
    readonly traits: Traits,
    readonly webhooks: GhostWebhooks,
    readonly render: (row: MemberRow) => MemberJson,
  ) {}

  get size(): number {
    return this.store.rows.length;
  }

  /** The ids of all members, oldest first. */
  ids(): string[] {
    return this.store.rows.map(({ id }) => id);
  }

  get(id: string): MemberJson | undefined {
    const row = this.store.byId(id);
    return row && this.render(row);
  }

  byEmail(email: string): MemberJson | undefined {
    const row = this.store.byEmail(email);
    return row && this.render(row);
  }

  /** A sign-up, or an addition by staff: fires `member.added`. */
  add(input: MemberInput): MemberJson {
    const row = this.#insert(input);
    this.#fire('member.added', row, {});
    return this.render(row);
  }

  /** Changes a member: fires `member.edited` with the old values of the changed keys, or nothing when nothing changed. */
  edit(id: string, patch: MemberInput): MemberJson {
    const row = this.store.byId(id);
    if (!row) throw notFound('edit');
    const previous: Record<string, unknown> = {};
    if (patch.email !== undefined && patch.email !== row.email) checkEmail(this.store, patch.email, row);
    for (const key of plainKeys) {
      const value = patch[key];
      if (value === undefined || value === row[key]) continue;
      previous[key] = row[key];
      if (key === 'email') this.store.setEmail(row, value ?? '');
      else Object.assign(row, { [key]: value });
      if (key === 'status') row.tiers = value === 'free' ? [] : this.#someTier(row);
    }
    if (Object.keys(previous).length > 0) {
      const before = row.updated_at;
      row.updated_at = this.store.stamp();
      if (row.updated_at !== before) previous['updated_at'] = before;
    }
    const tiersChanged = this.#editLists(row, patch, previous);
    this.store.changed();
    if (Object.keys(previous).length > 0 || tiersChanged) this.#fire('member.edited', row, previous, tiersChanged);
    return this.render(row);
  }

  /** Deletes a member: fires `member.deleted`. */
  remove(id: string): void {
    const row = this.store.byId(id);
    if (!row) throw notFound('delete');
    const previous = deletedShape(this.store, this.traits, row);
    this.store.delete(new Set([id]));
    this.webhooks.fire('member.deleted', id, () => ({ current: {}, previous }));
  }

  /** A sign-in or page view: an edit that is only noise. */
  touchLastSeen(id: string): void {
    this.edit(id, { last_seen_at: this.store.stamp() });
  }

  /** Mailgun reported the address; Ghost stops mailing it. The notes know no webhook for it. */
  suppress(id: string, reason: 'fail' | 'spam' | null): void {
    const row = this.store.byId(id);
    if (row) row.suppression = reason && { reason, timestamp: this.store.stamp() };
    this.store.changed();
  }

  /** Labels many without a webhook; `updated_at` stays. */
  bulkAddLabel(ids: string[], name: string): void {
    const label = this.store.labelNamed(name);
    this.#each(ids, (row) => {
      row.labels = [...new Set([...row.labels, label.id])];
    });
  }

  bulkRemoveLabel(ids: string[], name: string): void {
    const label = this.store.labelNamed(name);
    this.#each(ids, (row) => {
      row.labels = row.labels.filter((id) => id !== label.id);
    });
  }

  bulkUnsubscribe(ids: string[]): void {
    this.#each(ids, (row) => {
      row.newsletters = [];
    });
  }

  /** Deletes many without a webhook. */
  bulkDelete(ids: string[]): void {
    this.store.delete(new Set(ids));
  }

  /** Imports rows without a webhook: new members, or new values and more labels for existing ones. */
  importCsv(rows: ImportRow[]): { imported: number; updated: number; invalid: string[] } {
    const result = { imported: 0, updated: 0, invalid: [] as string[] };
    for (const input of rows) {
      const existing = this.store.byEmail(input.email);
      try {
        if (existing) this.#importOver(existing, input);
        else this.#insert(input, input.created_at);
        result[existing ? 'updated' : 'imported'] += 1;
      } catch {
        result.invalid.push(input.email);
      }
    }
    this.store.changed();
    return result;
  }

  /** Renames a label without a webhook. */
  renameLabel(oldName: string, name: string): void {
    this.store.labelNamed(oldName).name = name;
    this.store.changed();
  }

  /** Archives a newsletter without a webhook; its readers lose it, and may so become unsubscribed. */
  archiveNewsletter(slugOrId: string): void {
    for (const newsletter of this.store.newsletters.values()) {
      if (newsletter.id === slugOrId || newsletter.slug === slugOrId) newsletter.status = 'archived';
    }
    this.store.changed();
  }

  #insert(input: MemberInput, createdAt = this.store.stamp()): MemberRow {
    if (input.email === undefined) {
      throw invalid('Validation error, cannot save member.', 'Validation (FieldIsRequired) failed for email');
    }
    checkEmail(this.store, input.email);
    const tiers = idsOf(this.store.tiers, input.tiers ?? []);
    const row: MemberRow = {
      id: this.store.newId(),
      uuid: randomUUID(),
      email: input.email,
      name: input.name ?? null,
      note: input.note ?? null,
      geolocation: input.geolocation ?? null,
      status: input.status ?? (tiers.length > 0 ? 'comped' : 'free'),
      created_at: createdAt,
      updated_at: this.store.stamp(),
      last_seen_at: input.last_seen_at ?? null,
      labels: labelIds(this.store, input.labels ?? []),
      newsletters: newsletterIds(this.store, input) ?? signUpNewsletters(this.store),
      tiers,
      suppression: null,
    };
    if (row.status !== 'free') row.tiers = this.#someTier(row);
    this.store.insert(row);
    return row;
  }

  #importOver(row: MemberRow, input: ImportRow): void {
    if (input.name !== undefined) row.name = input.name;
    if (input.note !== undefined) row.note = input.note;
    if (input.status !== undefined) row.status = input.status;
    row.labels = [...new Set([...row.labels, ...labelIds(this.store, input.labels ?? [])])];
    row.newsletters = newsletterIds(this.store, input) ?? row.newsletters;
    row.updated_at = this.store.stamp();
  }

  /** Replaces the lists that differ, notes the old ones; true when the tiers changed. */
  #editLists(row: MemberRow, patch: MemberInput, previous: Record<string, unknown>): boolean {
    const labels = patch.labels && labelIds(this.store, patch.labels);
    if (labels && !sameSet(labels, row.labels)) {
      previous['labels'] = labelsOf(this.store, row);
      row.labels = labels;
    }
    const newsletters = newsletterIds(this.store, patch);
    if (newsletters && !sameSet(newsletters, row.newsletters)) {
      previous['newsletters'] = newslettersOf(this.store, row);
      row.newsletters = newsletters;
    }
    const tiers = patch.tiers && idsOf(this.store.tiers, patch.tiers);
    if (!tiers || sameSet(tiers, row.tiers)) return false;
    if (this.traits.tierChangeInPrevious) previous['tiers'] = tiersOf(this.store, row);
    row.tiers = tiers;
    return true;
  }

  /** Plain fields are as of now; labels, newsletters and tiers are read when the delivery is sent. */
  #fire(event: GhostEvent, row: MemberRow, previous: Record<string, unknown>, tiersChanged = false): void {
    const then = { ...row };
    const withTiers = event === 'member.added' || this.traits.tiersInEdits || tiersChanged;
    this.webhooks.fire(event, row.id, () => {
      const { labels, newsletters, tiers } = this.store.byId(row.id) ?? then;
      const current = webhookShape(this.store, this.traits, { ...then, labels, newsletters, tiers }, withTiers);
      return { current, previous };
    });
  }

  #someTier(row: MemberRow): string[] {
    return row.tiers.length > 0 ? row.tiers : [...this.store.tiers.keys()].slice(0, 1);
  }

  #each(ids: string[], change: (row: MemberRow) => void): void {
    for (const id of ids) {
      const row = this.store.byId(id);
      if (row) change(row);
    }
    this.store.changed();
  }
}

function sameSet(one: string[], other: string[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id));
}
