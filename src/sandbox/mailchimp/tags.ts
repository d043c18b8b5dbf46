import { invalid } from './errors.js';
import type { SandboxMember } from './member.js';

const longestName = 100;

/** A tag of an audience, which is a static segment of the same id and name; or a saved segment, which nobody can be put in. */
export interface SandboxTag {
  id: number;
  name: string;
  kind: 'static' | 'saved';
  createdAt: number;
  updatedAt: number;
  /** How many members hold it. */
  held: number;
}

/** The tags of an audience by id and by name in any case. */
export class Tags {
  readonly byId = new Map<number, SandboxTag>();
  readonly #byName = new Map<string, SandboxTag>();

  named(name: string): SandboxTag | undefined {
    return this.#byName.get(name.trim().toLowerCase());
  }

  /** Makes a tag; 400 when there is one of that name in any case, or the name is empty or too long. */
  add(id: number, name: string, at: number, kind: SandboxTag['kind'] = 'static'): SandboxTag {
    checkTagNames([name]);
    const trimmed = name.trim();
    if (this.named(trimmed)) throw invalid('Sorry, that tag already exists.');
    const tag: SandboxTag = { id, name: trimmed, kind, createdAt: at, updatedAt: at, held: 0 };
    this.put(tag);
    return tag;
  }

  /** Puts a tag that is complete already, such as a saved one. */
  put(tag: SandboxTag): void {
    this.byId.set(tag.id, tag);
    this.#byName.set(tag.name.toLowerCase(), tag);
  }

  remove(tag: SandboxTag): void {
    this.byId.delete(tag.id);
    this.#byName.delete(tag.name.toLowerCase());
  }
}

/** 400 for a name that no tag can have. */
export function checkTagNames(names: string[]): void {
  const isWrong = names.some((name) => !name.trim() || name.trim().length > longestName);
  if (isWrong) throw invalid(`A tag name has 1 to ${longestName} characters.`);
}

/** Gives a tag; false when the member has it already. */
export function giveTag(member: SandboxMember, tag: SandboxTag, at: number): boolean {
  if (member.tags.some((held) => held.tag === tag)) return false;
  member.tags.push({ tag, at });
  tag.held += 1;
  tag.updatedAt = at;
  return true;
}

/** Takes a tag away; false when the member does not have it. */
export function takeTag(member: SandboxMember, tag: SandboxTag, at: number): boolean {
  const index = member.tags.findIndex((held) => held.tag === tag);
  if (index < 0) return false;
  member.tags.splice(index, 1);
  tag.held -= 1;
  tag.updatedAt = at;
  return true;
}
