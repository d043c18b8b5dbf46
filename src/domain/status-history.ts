/** Who found a fact out; `list`: adopted from what a list already held. */
export type FoundBy = 'webhook' | 'walk' | 'full' | 'list';

/** A status that the member was seen to have at a moment. */
export interface StatusFact {
  status: string;
  at: Date;
  foundBy: FoundBy;
  /** The status just before, where the source itself said so. */
  before?: string | undefined;
}

/** A change of status; `from` is null where nothing earlier is known. */
export interface StatusTransition extends StatusFact {
  from: string | null;
}

/**
 * Merges facts into a history, whatever order they arrive in, and gives the transitions in order of time. A fact that
 * repeats the status before it is no transition; one that arrives late takes its place between its neighbours.
 */
export function mergeStatusHistory(
  history: readonly StatusTransition[],
  facts: readonly StatusFact[],
): StatusTransition[] {
  const ordered = [...history, ...facts].flatMap(withStatusBefore).sort((a, b) => a.at.getTime() - b.at.getTime());
  const transitions: StatusTransition[] = [];
  let from: string | null = null;
  for (const { status, at, foundBy, before } of ordered) {
    if (status === from) continue;
    transitions.push({ from, status, at, foundBy, before });
    from = status;
  }
  return transitions;
}

/** What the source said of the moment before is a fact of its own, a millisecond earlier. */
function withStatusBefore(fact: StatusFact): StatusFact[] {
  if (fact.before === undefined) return [fact];
  return [{ status: fact.before, at: new Date(fact.at.getTime() - 1), foundBy: fact.foundBy }, fact];
}

/** The last change from one known status to another: what a list's history fields show. */
export function lastTransition(
  history: readonly StatusTransition[],
): (StatusTransition & { from: string }) | undefined {
  const transition = history.findLast(({ from }) => from !== null);
  return transition?.from == null ? undefined : { ...transition, from: transition.from };
}
