import type { FieldChange } from '../../domain/compare-contact.js';
import { print } from '../output.js';
import type { Session } from '../session.js';
import { withheldFor } from './estimate.js';
import { explain, WITHHELD_FOR } from './reasons.js';
import type { SyncSubject } from './subject.js';

/** One person of a plan or a run, with what is or was done. */
export interface Person {
  address: string;
  memberId: string | null;
  action: string;
  why?: string | null;
  from?: string | null;
  changes?: FieldChange[];
  outcome?: string | null;
  /** Why the destination does not take them. */
  reason?: string | null;
}

const PAGE_SIZE = 1_000;

type Page = (after: string, limit: number) => Promise<Person[]>;

/** Lines of a plan, as it means them. */
export const planned =
  ({ ledger }: Session, run: string): Page =>
  async (after, limit) =>
    (await ledger.plans.items({ run, after, limit })).map(({ hash: _, changes, ...item }) => ({
      ...item,
      changes: (changes ?? []) as FieldChange[],
    }));

/** Lines of a plan that was applied, with what became of each. */
export const applied =
  ({ ledger }: Session, plan: string, run: string): Page =>
  (after, limit) =>
    ledger.outcomes.ofPlan({ plan, run, after, limit });

/** People of a run, with what became of each. */
export const pushed =
  ({ ledger }: Session, run: string): Page =>
  async (after, limit) =>
    (await ledger.outcomes.ofRun({ run, after, limit })).map(({ operation, ...one }) => ({
      ...one,
      action: operation,
    }));

/** All people, page by page. */
export async function* pagesOf(page: Page): AsyncGenerator<Person[]> {
  for (let after = ''; ; ) {
    const people = await page(after, PAGE_SIZE);
    if (people.length === 0) return;
    yield people;
    after = people.at(-1)!.address;
  }
}

/** A line a person: what is done, to whom, and field by field what changes. */
export async function printPeople(page: Page, kind: SyncSubject['kind']): Promise<void> {
  for await (const people of pagesOf(page))
    for (const person of people) print(`  ${person.action.padEnd(8)}${person.address}${detailOf(person, kind)}`);
}

/** What is told of one person after the address. */
export function detailOf(person: Person, kind: SyncSubject['kind']): string {
  const { why, from, changes = [], outcome, reason } = person;
  const isWithheld = why === 'withheld' && kind === 'audience';
  const details = [
    ...(from ? [`from ${from}`] : []),
    ...toldChanges(changes).map(showChange),
    ...(isWithheld ? [WITHHELD_FOR[withheldFor(person)]] : why ? [explain(why, kind)] : []),
    ...(outcome ? [reason ? `${outcome}, ${reason}: ${explain(reason, kind)}` : outcome] : []),
  ];
  return details.length === 0 ? '' : `  ${details.join('; ')}`;
}

const PARTS_OF_NAME: readonly string[] = ['FNAME', 'LNAME'];

/** The changes that are told: the whole name only where its parts are not. */
export const toldChanges = (changes: readonly FieldChange[]): readonly FieldChange[] =>
  changes.some(({ field }) => PARTS_OF_NAME.includes(field))
    ? changes.filter(({ field }) => field !== 'name')
    : changes;

/** A field with what it holds and what it should; a tag with its sign. */
function showChange({ field, from, to }: FieldChange): string {
  if (field !== 'tag') return `${field}: "${from}" -> "${to}"`;
  return to === '' ? `-${from}` : `+${to}`;
}
