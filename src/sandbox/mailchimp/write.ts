import { admit, hashOf } from './addresses.js';
import type { AudienceState } from './audience.js';
import type { MemberBody } from './bodies.js';
import { applyDetails, checkPermissions } from './details.js';
import { invalidEmail, MailchimpError, memberExists, notFound, notValidated } from './errors.js';
import type { MemberStatus, SandboxMember } from './member.js';
import { checkedValues, type MergeValue } from './merge-values.js';
import type { Quirks } from './quirks.js';
import { firstStatus, nextStatus } from './status.js';
import { checkTagNames } from './tags.js';

/** How a write is done. */
export interface Manner {
  /** The operation, for the log. */
  via: string;
  quirks: Quirks;
  /** Lower-cased addresses that are refused as malformed. */
  refused: ReadonlySet<string>;
  /** Whether required merge fields may stay empty. */
  skipMergeValidation: boolean;
  /** What the write's tags do to somebody who was in the audience before. */
  tagsOfExisting: 'ignored' | 'added' | 'replaced';
  /** Whether a re-subscription that is not allowed is passed over without a word. */
  isSilentOnCompliance?: boolean;
}

/** Creates the member of an address. */
export function createMember(audience: AudienceState, body: MemberBody, manner: Manner): SandboxMember {
  const email = (body.email_address ?? '').trim();
  if (manner.refused.has(email.toLowerCase())) throw invalidEmail();
  admit(email, manner.quirks, audience.forgotten.has(hashOf(email)));
  const status = firstStatus(body);
  const values = valuesOf(audience, new Map(), body, manner);
  const member = audience.create(email, status, { by: 'api', via: manner.via });
  applyDetails(member, body);
  applyValues(member, values);
  const tagsAdded = giveTags(audience, member, body.tags ?? [], manner.via);
  record(audience, member, manner, values, { tagsAdded, changed: true });
  return member;
}

/** Changes somebody who is in the audience, whatever the status; nothing is changed when any of it is refused. */
export function updateMember(
  audience: AudienceState,
  member: SandboxMember,
  body: MemberBody,
  manner: Manner,
): SandboxMember {
  if (manner.refused.has(member.email.toLowerCase())) throw invalidEmail();
  const status = statusAfter(member, body, manner);
  const email = movedTo(audience, member, body, manner);
  const values = valuesOf(audience, member.mergeFields, body, manner);
  const cause = { by: 'api', via: manner.via } as const;
  const version = audience.version;
  if (email) audience.move(member, email, cause);
  audience.setStatus(member, status, cause);
  const isEdited = [applyDetails(member, body), applyValues(member, values)].includes(true);
  if (isEdited) audience.touch(member);
  const tags = applyTags(audience, member, body.tags, manner);
  record(audience, member, manner, values, { ...tags, changed: audience.version !== version });
  return member;
}

/** The member of a hash, and what is known of an address there. */
export function upsertMember(audience: AudienceState, hash: string, body: MemberBody, manner: Manner): SandboxMember {
  const member = audience.byHash.get(hash);
  if (member) return updateMember(audience, member, body, manner);
  if (body.email_address === undefined) {
    throw notValidated([{ field: '', message: 'Required fields were not provided: email_address' }]);
  }
  if (audience.at(body.email_address)) throw memberExists(body.email_address);
  return createMember(audience, body, manner);
}

/** Creates by POST: who is in the audience already can only be subscribed again, or brought back from the archive. */
export function postMember(audience: AudienceState, body: MemberBody, manner: Manner): SandboxMember {
  const email = body.email_address ?? '';
  const member = audience.at(email);
  if (!member) return createMember(audience, body, manner);
  const returns = member.status === 'unsubscribed' || member.status === 'cleaned';
  const mayReturn = member.status === 'archived' || (body.status === 'subscribed' && returns);
  if (!mayReturn) throw memberExists(email);
  return updateMember(audience, member, body, manner);
}

/** The member of a path, in whatever status; 404 when there is none. */
export function memberOf(audience: AudienceState, key: string): SandboxMember {
  const member = audience.byHash.get(key.includes('@') ? hashOf(key) : key.toLowerCase());
  if (!member) throw notFound();
  return member;
}

/** Puts a write in the log; `values` are the merge fields it stored. */
export function record(
  audience: AudienceState,
  member: SandboxMember,
  { via }: Pick<Manner, 'via'>,
  values: ReadonlyMap<string, MergeValue>,
  effect: { tagsAdded?: string[]; tagsRemoved?: string[]; changed: boolean },
): void {
  audience.log.write({
    ...{ address: member.email.toLowerCase(), operation: via, status: member.status, tagsAdded: [], tagsRemoved: [] },
    ...{ mergeFields: Object.fromEntries(values), ...effect },
  });
  audience.surroundings.changed();
}

function statusAfter(member: SandboxMember, body: MemberBody, manner: Manner): MemberStatus {
  if (!manner.isSilentOnCompliance) return nextStatus(member, body, manner.quirks);
  try {
    return nextStatus(member, body, manner.quirks);
  } catch (error) {
    if (!(error instanceof MailchimpError) || error.title !== 'Member In Compliance State') throw error;
    return member.status;
  }
}

/** The address a write moves the member to, or undefined; a taken one is refused. */
function movedTo(audience: AudienceState, member: SandboxMember, body: MemberBody, manner: Manner): string | undefined {
  const email = body.email_address?.trim();
  if (email === undefined) return undefined;
  const hash = hashOf(email);
  if (hash === member.hash) return undefined;
  if (manner.refused.has(email.toLowerCase())) throw invalidEmail();
  admit(email, manner.quirks, audience.forgotten.has(hash));
  if (!audience.byHash.has(hash)) return email;
  if (manner.quirks.takenAddress === 'member-exists') throw memberExists(email);
  throw notValidated([{ field: 'email address', message: 'This email address is already in use.' }]);
}

/** The merge fields a write stores; with them all the rest of it is checked, before anything is changed. */
function valuesOf(
  audience: AudienceState,
  current: ReadonlyMap<string, MergeValue>,
  body: MemberBody,
  manner: Manner,
): Map<string, MergeValue> {
  checkPermissions(audience, body);
  checkTagNames(body.tags ?? []);
  return checkedValues(audience.mergeFields.list, current, body.merge_fields ?? {}, manner.skipMergeValidation);
}

function applyValues(member: SandboxMember, values: ReadonlyMap<string, MergeValue>): boolean {
  let isChanged = false;
  for (const [tag, value] of values) {
    if (JSON.stringify(member.mergeFields.get(tag) ?? '') === JSON.stringify(value)) continue;
    isChanged = true;
    if (value === '') member.mergeFields.delete(tag);
    else member.mergeFields.set(tag, value);
  }
  return isChanged;
}

function giveTags(audience: AudienceState, member: SandboxMember, names: string[], via: string): string[] {
  const tags = names.map((name) => audience.tagNamed(name));
  return tags.filter((tag) => audience.setTag(member, tag, true, via)).map(({ name }) => name);
}

function applyTags(audience: AudienceState, member: SandboxMember, names: string[] | undefined, manner: Manner) {
  if (!names || manner.tagsOfExisting === 'ignored') return {};
  const tagsRemoved: string[] = [];
  if (manner.tagsOfExisting === 'replaced') {
    const kept = new Set(names.map((name) => name.trim().toLowerCase()));
    for (const { tag } of [...member.tags]) {
      if (kept.has(tag.name.toLowerCase())) continue;
      audience.setTag(member, tag, false, manner.via);
      tagsRemoved.push(tag.name);
    }
  }
  return { tagsAdded: giveTags(audience, member, names, manner.via), tagsRemoved };
}
