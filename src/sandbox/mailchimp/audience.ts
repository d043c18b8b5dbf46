import { hashOf } from './addresses.js';
import { AudienceLog } from './audience-log.js';
import type { Actor, MemberStatus, SandboxMember } from './member.js';
import { type MergeFieldInput, MergeFields } from './merge-fields.js';
import { giveTag, type SandboxTag, Tags, takeTag } from './tags.js';
import { stampOf, toSecond } from './times.js';

/** What an audience is made from. */
export interface AudienceInput {
  id: string;
  name?: string;
  doubleOptin?: boolean;
  /** Ids and texts of its marketing permissions (GDPR); default none. */
  marketingPermissions?: { id: string; text: string }[];
  /** Default 30. */
  mergeFieldLimit?: number;
  /** Merge fields besides FNAME, LNAME, ADDRESS and PHONE. */
  mergeFields?: MergeFieldInput[];
}

/** What audiences share: the clock, ids, and whoever wants to know that something changed. */
export interface AudienceSurroundings {
  now(): Date;
  takeId(): number;
  changed(): void;
}

/** What a status change is recorded with. */
export interface Cause {
  by: Actor;
  via: string;
}

/** An audience: its members by hash, its tags, its merge fields, and a log of all that happened. */
export class AudienceState {
  readonly id: string;
  readonly name: string;
  readonly doubleOptin: boolean;
  readonly marketingPermissions: { id: string; text: string }[];
  readonly createdAt: number;
  /** In the order of their last change, as long as the clock runs forward. */
  readonly byHash = new Map<string, SandboxMember>();
  /** Hashes that were deleted for good. */
  readonly forgotten = new Set<string>();
  readonly counts: Partial<Record<MemberStatus, number>> = {};
  readonly tags = new Tags();
  readonly mergeFields: MergeFields;
  readonly log: AudienceLog;
  /** Counts whatever may change a page of members. */
  version = 0;

  constructor(
    readonly input: AudienceInput,
    readonly surroundings: AudienceSurroundings,
  ) {
    this.id = input.id;
    this.name = input.name ?? 'Sandbox audience';
    this.doubleOptin = input.doubleOptin ?? false;
    this.marketingPermissions = input.marketingPermissions ?? [];
    this.mergeFields = new MergeFields(input.mergeFieldLimit ?? 30);
    for (const field of input.mergeFields ?? []) this.mergeFields.add(field);
    this.createdAt = this.second();
    this.log = new AudienceLog(this.id);
  }

  /** The second that it is. */
  second(): number {
    return toSecond(this.surroundings.now().getTime());
  }

  at(email: string): SandboxMember | undefined {
    return this.byHash.get(hashOf(email));
  }

  /** Puts a new member in, in that status. */
  create(email: string, status: MemberStatus, cause: Cause): SandboxMember {
    const at = this.second();
    const member: SandboxMember = {
      ...{ hash: hashOf(email), email: email.trim(), status, optedOutBy: undefined, bounced: status === 'cleaned' },
      ...{ mergeFields: new Map(), tags: [], permissions: [] },
      details: {
        ...{ email_type: 'html', language: '', vip: false, ip_signup: '', ip_opt: '203.0.113.9' },
        ...{ timestamp_signup: '', timestamp_opt: stampOf(at), interests: {}, latitude: 0, longitude: 0 },
      },
      source: cause.by === 'api' ? 'API - Generic' : 'Admin Add',
      webId: this.surroundings.takeId(),
      changedAt: at,
    };
    if (status === 'unsubscribed') member.optedOutBy = cause.by;
    this.put(member);
    this.#enter(member, 'absent', cause);
    return member;
  }

  /** Puts a member in that is complete already, such as a saved one. */
  put(member: SandboxMember): void {
    this.byHash.set(member.hash, member);
    this.#count(member.status, 1);
    this.version += 1;
  }

  /** Changes a status; nothing happens when it is that already. */
  setStatus(member: SandboxMember, status: MemberStatus, cause: Cause): void {
    const from = member.status;
    if (from === status) return;
    this.#count(from, -1);
    this.#count(status, 1);
    member.status = status;
    if (status === 'unsubscribed') member.optedOutBy = cause.by;
    if (status === 'cleaned') member.bounced = true;
    if (status === 'subscribed') Object.assign(member, { optedOutBy: undefined, bounced: false });
    this.#enter(member, from, cause);
    this.touch(member);
  }

  /** Moves a member to another address, which must be free. */
  move(member: SandboxMember, email: string, cause: Cause): void {
    const address = member.email.toLowerCase();
    this.log.change({ at: this.surroundings.now(), address, from: member.status, to: 'moved', ...cause });
    this.byHash.delete(member.hash);
    member.hash = hashOf(email);
    member.email = email.trim();
    this.#enter(member, 'absent', cause);
    this.touch(member);
  }

  /** Deletes a member for good. */
  forget(member: SandboxMember, cause: Cause): void {
    const address = member.email.toLowerCase();
    this.log.change({ at: this.surroundings.now(), address, from: member.status, to: 'forgotten', ...cause });
    for (const { tag } of [...member.tags]) takeTag(member, tag, this.second());
    this.byHash.delete(member.hash);
    this.forgotten.add(member.hash);
    this.#count(member.status, -1);
    this.version += 1;
    this.surroundings.changed();
  }

  /** The tag of a name in any case; makes it when there is none. */
  tagNamed(name: string): SandboxTag {
    return this.tags.named(name) ?? this.tags.add(this.surroundings.takeId(), name, this.second());
  }

  /** Gives or takes a tag; false when that changes nothing. A tag that is given starts automations, unless `isQuiet`. */
  setTag(member: SandboxMember, tag: SandboxTag, isHeld: boolean, via: string, isQuiet = false): boolean {
    const at = this.second();
    if (!(isHeld ? giveTag(member, tag, at) : takeTag(member, tag, at))) return false;
    const address = member.email.toLowerCase();
    if (isHeld && !isQuiet)
      this.log.automations.push({ at: new Date(at), listId: this.id, address, tag: tag.name, via });
    this.touch(member);
    return true;
  }

  /** Deletes a tag, which takes it from whoever holds it. */
  removeTag(tag: SandboxTag): void {
    for (const member of [...this.byHash.values()]) {
      if (takeTag(member, tag, this.second())) this.touch(member);
    }
    this.tags.remove(tag);
    this.surroundings.changed();
  }

  /** Keeps the values of a merge field under its new tag, or of none when the field is gone. */
  renameValues(tag: string, next: string | undefined): void {
    for (const { mergeFields } of this.byHash.values()) {
      const value = mergeFields.get(tag);
      mergeFields.delete(tag);
      if (next !== undefined && value !== undefined) mergeFields.set(next, value);
    }
  }

  /** Moves `last_changed`. */
  touch(member: SandboxMember): void {
    member.changedAt = this.second();
    this.byHash.delete(member.hash);
    this.byHash.set(member.hash, member);
    this.version += 1;
    this.surroundings.changed();
  }

  #enter(member: SandboxMember, from: MemberStatus | 'absent', cause: Cause): void {
    const address = member.email.toLowerCase();
    this.log.change({ at: this.surroundings.now(), address, from, to: member.status, ...cause });
    if (member.status === 'pending') this.log.confirmationMails.push(address);
    this.surroundings.changed();
  }

  #count(status: MemberStatus, by: number): void {
    this.counts[status] = (this.counts[status] ?? 0) + by;
  }
}
