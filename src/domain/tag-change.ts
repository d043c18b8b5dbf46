/** Tags to be given and to be taken, by their names. */
export interface TagChange {
  add: string[];
  remove: string[];
}

/**
 * What makes the tags that somebody has the ones that they should have: of those had, only names that are ours (`managed`, in
 * lower case) are taken. Names are compared without regard to case. Nothing where the destination or the source has no tags.
 */
export function tagChange(
  had: readonly string[] | undefined,
  wanted: readonly string[] | undefined,
  managed: ReadonlySet<string>,
): TagChange {
  if (!had || !wanted) return { add: [], remove: [] };
  const has = new Set(had.map(tagKey));
  const wants = new Set(wanted.map(tagKey));
  return {
    add: wanted.filter((name) => !has.has(tagKey(name))),
    remove: had.filter((name) => managed.has(tagKey(name)) && !wants.has(tagKey(name))),
  };
}

/** Names of tags are the same whatever their case. */
export const tagKey = (name: string): string => name.trim().toLowerCase();
