/** What a first sync is told to be before it begins; a dry run is told the same of what would come. */
export interface FirstSync {
  audience: string;
  /** Name of the destination for people. */
  title: string;
  /** Whether the destination has tags. */
  hasTags: boolean;
  fast: boolean;
  /** Only so many people. */
  limit: number | undefined;
}

const WARNING =
  'With --fast tags are given by hundreds. In MailChimp that starts every automation and customer journey which begins with "tag added", for everybody who gets that tag. See docs/destinations.md.';

/** What is said before a first sync begins. */
export function wordsOfFirstSync({ audience, title, hasTags, fast, limit }: FirstSync): string {
  const whom = limit === undefined ? 'everybody with consent is' : `the first ${limit} people are`;
  const what = `This is the first sync of ${audience} (${title}): all of it is read, and ${whom} added or brought up to date.`;
  const after = limit === undefined ? '' : ' With --limit it does not count as the first one.';
  if (!hasTags) return `${what}${after}`;
  return fast
    ? `${what}${after}\n${WARNING}`
    : `${what}${after}\nTags are given person by person, so that no automation starts: about 30 people a second. --fast gives them by hundreds.`;
}

/** What is said of `--fast` where nothing depends on it any more. */
export const FAST_ALREADY =
  'The first sync is done: tags are given by hundreds anyway, and automations that start by "tag added" do start. --fast changes nothing.';
