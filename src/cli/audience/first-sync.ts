/** What a run before the first sync is done is told to be before it begins. */
export interface FirstSync {
  audience: string;
  /** Name of the destination for people. */
  title: string;
  /** Whether tags start automations there. */
  tagsStartAutomations: boolean;
  fast: boolean;
  /** Only so many people. */
  limit?: number | undefined;
  /** The plan that is carried out. */
  plan?: PlanReach | undefined;
}

/** Whom a plan speaks of: everybody, so many people, or only those who are to be taken off. */
export type PlanReach = { of: 'everybody' | 'removals' } | { of: 'some'; people: number };

const WARNING =
  'With --fast tags are given by hundreds. In MailChimp that starts every automation and customer journey which begins with "tag added", for everybody who gets that tag. See docs/destinations.md.';
const QUIET =
  'Tags are given person by person, so that no automation starts: about 30 people a second. --fast gives them by hundreds.';

/** What is said before a run begins of an audience whose first sync is not done. */
export function wordsOfFirstSync(first: FirstSync): string {
  const isRemovals = first.plan?.of === 'removals';
  const tags = first.tagsStartAutomations && !isRemovals ? `\n${first.fast ? WARNING : QUIET}` : '';
  return `${whatIsDone(first)}${tags}`;
}

function whatIsDone({ audience, title, limit, plan }: FirstSync): string {
  const its = `This is the first sync of ${audience} (${title}):`;
  const stillDue = `The first sync of ${audience} (${title}) still has to be done: steward audience sync ${audience}`;
  if (plan?.of === 'some') return `${reachOf(plan.people)} ${stillDue}`;
  if (plan?.of === 'removals') return `This plan only takes people off. ${stillDue}`;
  if (plan) return `${its} everybody who is still as the plan means them is added or brought up to date.`;
  if (limit !== undefined)
    return `Only the first ${limit === 1 ? 'person is' : `${limit} people are`} compared, in the order of addresses, and those with consent are added or brought up to date. ${stillDue}`;
  return `${its} all of it is read, and everybody with consent is added or brought up to date.`;
}

const reachOf = (people: number): string =>
  `This plan covers only the ${people === 1 ? 'one person who was' : `${people} people who were`} compared, up to its --limit.`;

/** What a plan of a limited dry run covers; `firstSyncIsDue`: applying it is no first sync. */
export interface LimitedPlan {
  people: number;
  firstSyncIsDue: boolean;
}

/** What is said of a limited plan beside the command that carries it out. */
export function wordsOfLimitedPlan(
  { people, firstSyncIsDue }: LimitedPlan,
  { name, limits }: { name: string; limits: { tagsStartAutomations: boolean } },
): string {
  if (!firstSyncIsDue) return reachOf(people);
  const quiet = limits.tagsStartAutomations ? ' It gives tags quietly, person by person.' : '';
  return `${reachOf(people)}${quiet} The first sync still has to be done after it: steward audience sync ${name}`;
}

/** What is said of `--fast` where nothing depends on it any more. */
export const FAST_ALREADY =
  'The first sync is done: tags are given by hundreds anyway, and automations that start by "tag added" do start. --fast changes nothing.';

/** What is said of `--fast` where tags start nothing. */
export const fastIsIgnored = (title: string): string => `--fast is ignored: tags start no automations in ${title}.`;
