import type { FieldChange } from '../../domain/compare-contact.js';
import { print, printTable, showTime } from '../output.js';
import type { ShownMember } from './reading.js';

const line = (key: string, value: string): void => print(`${key.padEnd(16)}${value}`);

/** Prints a member for people. */
export function printMember(shown: ShownMember): void {
  const { at, holder, otherIds, memberId, parked, held } = shown;
  line('Member', `${memberId} of ${shown.site}${at ? `, as of ${showTime(at)}` : ''}`);
  line('Verdict', shown.why === null ? shown.verdict : `${shown.verdict} (${shown.why})`);
  for (const { field, from, to } of shown.differences) line('', `${field}: ${showChange({ field, from, to })}`);
  line('Proof', shown.proof);
  if (parked) line('Parked', `${parked.step} since ${showTime(parked.since)}: ${parked.message}`);
  for (const { kind, reason, since } of held) line('Held', `${kind} since ${showTime(since)}: ${reason}`);
  line('Ghost said', saidWords(shown));
  if (otherIds.length > 0)
    line('Same address', `${otherIds.join(', ')}; ${holder === null ? 'none of them lives' : `held by ${holder}`}`);
  line('List', shown.audience);
  printExpected(shown);
  printObserved(shown);
  for (const { state, listDate, reason, at: learned, address } of shown.optedOut)
    line(
      'Opted out there',
      [state, listDate, reason, address, `learned at ${showTime(learned)}`].filter(Boolean).join(', '),
    );
  print();
  printTable(
    ['WHEN', 'WHAT', 'DETAIL', 'RUN'],
    shown.timeline.map((one) => [showTime(one.at), one.what, one.detail, one.run ?? '']),
  );
}

const showChange = ({ from, to }: FieldChange): string => `the list has "${from}", should have "${to}"`;

function saidWords({ said, at }: ShownMember): string {
  const who = said.email === null ? 'nothing' : `${said.email}, ${said.name ?? 'no name'}, ${said.status}`;
  const when = at ? '' : `${showTime(said.observedAt)}: `;
  const isSuspect = 'suspectedGoneAt' in said && said.suspectedGoneAt !== null && said.deletedAt === null;
  const gone = isSuspect
    ? `; not found there since ${showTime(said.suspectedGoneAt)}, which two walks have to confirm`
    : '';
  return `${when}${said.deletedAt ? `deleted ${showTime(said.deletedAt)}; before that ` : ''}${who}${gone}`;
}

function printExpected({ expected, verdict, holder, memberId }: ShownMember): void {
  const by = holder === memberId ? '' : ` (as ${holder} says)`;
  line(
    'Should hold',
    expected ? `${expected.email}, ${expected.name || 'no name'}${by}` : verdict === 'unknown' ? 'unknown' : 'nothing',
  );
  for (const [key, { value }] of Object.entries(expected?.fields ?? {}))
    line('', `${key} = ${value instanceof Date ? value.toISOString().slice(0, 10) : value}`);
}

function printObserved({ observed }: ShownMember): void {
  line('Was seen', observed ? seenWords(observed) : 'never');
  if (!observed) return;
  const { by, reading } = observed;
  const newer = by === 'full sync' ? 'newer than any call' : 'older than the last outcome';
  line(
    '',
    reading
      ? `full sync ${reading.run} read ${reading.state} at ${showTime(reading.at)}, ${newer}`
      : 'no full sync has read the list',
  );
  if (reading && reading.name !== '') line('', `name = ${reading.name}`);
  for (const [key, value] of Object.entries(reading?.fields ?? {})) line('', `${key} = ${value}`);
}

function seenWords({ state, at, by, outcome, settledAt }: NonNullable<ShownMember['observed']>): string {
  const last =
    outcome === null ? 'no outcome' : `last outcome ${outcome}${settledAt ? ` at ${showTime(settledAt)}` : ''}`;
  return `${state ?? 'never'}${at ? ` at ${showTime(at)}` : ''}${by ? ` by ${by}` : ''}; ${last}`;
}
