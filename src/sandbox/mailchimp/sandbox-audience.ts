import { AudienceState } from './audience.js';
import {
  type AutomationTrigger,
  type MemberStatus,
  type MemberView,
  type MemberWrite,
  type SandboxMember,
  type StatusChange,
  viewOf,
} from './member.js';
import type { MergeValue } from './merge-values.js';

/** What staff adds somebody with. */
export interface StaffMember {
  status?: MemberStatus;
  mergeFields?: Record<string, MergeValue>;
  tags?: string[];
}

/** An audience for tests: what the people in it and the staff do, and everything that can be read of it. */
export class SandboxAudience extends AudienceState {
  /** The contact unsubscribes herself, by the link in a mail. */
  unsubscribe(email: string): void {
    this.setStatus(this.#known(email), 'unsubscribed', { by: 'contact', via: 'link in a mail' });
  }

  /** The contact signs up by the form, which is open to everybody, the forgotten and the bounced too. */
  signUp(email: string): void {
    const cause = { by: 'contact', via: 'sign-up form' } as const;
    const member = this.at(email);
    if (member) this.setStatus(member, 'subscribed', cause);
    else this.forgotten.delete(this.create(email, 'subscribed', cause).hash);
  }

  /** The contact follows the link of the mail to confirm. */
  confirm(email: string): void {
    this.setStatus(this.#known(email), 'subscribed', { by: 'contact', via: 'confirmation' });
  }

  /** A mail to the contact bounces for good. */
  bounce(email: string): void {
    this.setStatus(this.#known(email), 'cleaned', { by: 'bounce', via: 'bounce' });
  }

  archiveByStaff(email: string): void {
    this.setStatus(this.#known(email), 'archived', { by: 'staff', via: 'MailChimp page' });
  }

  unsubscribeByStaff(email: string): void {
    this.setStatus(this.#known(email), 'unsubscribed', { by: 'staff', via: 'MailChimp page' });
  }

  forgetByStaff(email: string): void {
    this.forget(this.#known(email), { by: 'staff', via: 'MailChimp page' });
  }

  /** Staff adds somebody who is not there, whatever the address. */
  addByStaff(email: string, { status = 'subscribed', mergeFields = {}, tags = [] }: StaffMember = {}): MemberView {
    if (this.at(email)) throw new Error(`${email} is in the sandbox's audience ${this.id} already`);
    const member = this.create(email, status, { by: 'staff', via: 'MailChimp page' });
    for (const [tag, value] of Object.entries(mergeFields)) member.mergeFields.set(tag, value);
    for (const name of tags) this.setTag(member, this.tagNamed(name), true, 'MailChimp page', true);
    return viewOf(member);
  }

  /** Staff changes values of merge fields; an empty text clears one. */
  editByStaff(email: string, mergeFields: Record<string, MergeValue>): void {
    const member = this.#known(email);
    for (const [tag, value] of Object.entries(mergeFields)) member.mergeFields.set(tag, value);
    this.touch(member);
  }

  /** Staff moves somebody to another address. */
  moveByStaff(email: string, to: string): void {
    if (this.at(to)) throw new Error(`${to} is in the sandbox's audience ${this.id} already`);
    this.move(this.#known(email), to, { by: 'staff', via: 'MailChimp page' });
  }

  tagByStaff(email: string, name: string): void {
    this.setTag(this.#known(email), this.tagNamed(name), true, 'MailChimp page', true);
  }

  untagByStaff(email: string, name: string): void {
    const tag = this.tags.named(name);
    if (tag) this.setTag(this.#known(email), tag, false, 'MailChimp page');
  }

  /** Everybody in the audience, archived people too. */
  members(): MemberView[] {
    return [...this.byHash.values()].map(viewOf);
  }

  /** The member in whatever status, or undefined. */
  member(email: string): MemberView | undefined {
    const member = this.at(email);
    return member && viewOf(member);
  }

  /** Where the address has stood, oldest first, who changed it and how; goes on when somebody moved or was forgotten. */
  historyOf(email: string): readonly StatusChange[] {
    return this.log.changesOf(email);
  }

  /** The stored writes of the API to one address, oldest first. */
  writesOf(email: string): readonly MemberWrite[] {
    return this.log.writesOf(email);
  }

  get writes(): readonly MemberWrite[] {
    return this.log.writes;
  }

  get history(): readonly StatusChange[] {
    return this.log.changes;
  }

  get automations(): readonly AutomationTrigger[] {
    return this.log.automations;
  }

  get confirmationMails(): readonly string[] {
    return this.log.confirmationMails;
  }

  #known(email: string): SandboxMember {
    const member = this.at(email);
    if (!member) throw new Error(`${email} is not in the sandbox's audience ${this.id}`);
    return member;
  }
}
