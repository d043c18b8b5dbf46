import type { Command } from 'commander';
import type { SiteConfig } from '../../config/site-variables.js';
import { type Contact, memberToContact } from '../../domain/contact.js';
import type { Ledger } from '../../ledger/ledger.js';
import { CliError } from '../exit.js';
import { print, printJson, printTable, showTime } from '../output.js';
import { withSession } from '../session.js';

type MemberRow = Awaited<ReturnType<Ledger['status']['members']>>[number];
type History = Awaited<ReturnType<Ledger['status']['memberHistory']>>;

/** Whether the list holds what it should, as far as the ledger knows. */
type Verdict = 'true' | 'on the way' | 'parked' | 'opted out there' | 'differs';

/** `steward member show`. */
export function registerMember(program: Command): void {
  program
    .command('member')
    .description('members of a site')
    .command('show')
    .argument('<site>')
    .argument('<email|id>')
    .description('what we know of a member, what the list should hold, and everything that happened')
    .option('--json', 'print JSON', false)
    .action((siteName: string, emailOrId: string, { json }: { json: boolean }) =>
      withSession(async ({ ledger, site: findSite }) => {
        const site = findSite(siteName);
        const [member, ...others] = await ledger.status.members(site.name, emailOrId);
        if (!member)
          throw new CliError(
            `Nobody of site ${site.name} with this e-mail or id is in the ledger. Either no webhook of theirs came in, or the spelling differs.`,
          );
        const shown = await readShown(ledger, site, member, others);
        if (json) return printJson(shown);
        show(shown);
      }),
    );
}

async function readShown(ledger: Ledger, site: SiteConfig, member: MemberRow, others: readonly MemberRow[]) {
  const history = await ledger.status.memberHistory(site.name, site.audience, member.memberId, member.address);
  const parked = (await ledger.parked.find(site.name, member.memberId)) ?? null;
  const contact = history.contacts.find(({ address }) => address === member.address);
  return {
    site: site.name,
    audience: site.audience,
    memberId: member.memberId,
    otherIds: others.map(({ memberId }) => memberId),
    verdict: verdictOf(history, contact, parked !== null),
    said: member,
    expected: expectedOf(site, member),
    why: whyOf(history, contact),
    observed: contact
      ? {
          state: contact.listState,
          at: contact.listStateAt,
          outcome: contact.settledOutcome,
          settledAt: contact.settledAt,
        }
      : null,
    parked,
    held: history.holds.map(({ kind, reason, since }) => ({ kind, reason, since })),
    timeline: timelineOf(history),
  };
}

function verdictOf(
  { deliveries }: History,
  contact: History['contacts'][number] | undefined,
  isParked: boolean,
): Verdict {
  if (isParked) return 'parked';
  if (contact?.dueAt || deliveries.some(({ state }) => state === 'waiting')) return 'on the way';
  switch (contact?.settledOutcome) {
    case 'opted-out':
      return 'opted out there';
    case 'confirmed':
    case 'moved':
    case 'removed':
    case 'absent':
    case 'kept':
    case 'withheld':
      return 'true';
    default:
      return 'differs';
  }
}

/** Why a verdict is not simply `true`, where the ledger knows. */
function whyOf({ holds }: History, contact: History['contacts'][number] | undefined): string | null {
  if (holds.length > 0) return 'held: an operator decides, see steward held list';
  switch (contact?.settledOutcome) {
    case undefined:
      return 'nothing was pushed yet';
    case 'discarded':
      return 'discarded by an operator';
    case 'opted-out':
      return `the list says ${contact?.listState}`;
    case 'unconfirmed':
      return 'the person has not confirmed the subscription yet';
    case 'returned-unsigned':
      return 'removed by us, and back without a signed sign-up: add by hand in Campaign Monitor if they asked for it';
    case 'withheld':
      return 'not added: no newsletter, or suppressed in Ghost';
    default:
      return null;
  }
}

/** What the list should hold; null where the member should not be on it. */
function expectedOf(site: SiteConfig, member: MemberRow): Contact | null {
  const {
    email,
    name,
    status,
    labels,
    emailEnabled,
    suppressed,
    signedUpAt,
    deletedAt,
    changedAt,
    previousStatus,
    statusChangedAt,
  } = member;
  const isOff = deletedAt !== null || (emailEnabled === false && site.onEmailDisabled === 'remove');
  if (email === null || signedUpAt === null || isOff) return null;
  return memberToContact({
    facts: { email, name, status: status ?? '', labels, emailEnabled: emailEnabled ?? false, suppressed, signedUpAt },
    changedAt: changedAt ?? signedUpAt,
    ...(previousStatus !== null && statusChangedAt
      ? { lastTransition: { from: previousStatus, at: statusChangedAt } }
      : {}),
  });
}

/** Everything that happened, oldest first. */
function timelineOf({ deliveries, transitions, pushes }: History) {
  return [
    ...deliveries.map(({ id, receivedAt, event, state, outcome }) => ({
      at: receivedAt,
      what: 'delivery',
      detail: `${event}: ${outcome ?? state}`,
      id,
    })),
    ...transitions.map(({ at, from, to, foundBy }) => ({
      at,
      what: 'status',
      detail: `${from ?? 'unknown'} to ${to}, found by ${foundBy}`,
    })),
    ...pushes.map(({ at, operation, outcome, code }) => ({
      at,
      what: 'push',
      detail: `${operation}: ${outcome}${code === null ? '' : ` (code ${code})`}`,
    })),
  ].sort((a, b) => a.at.getTime() - b.at.getTime());
}

function show(shown: Awaited<ReturnType<typeof readShown>>): void {
  const { said, expected, observed, parked, timeline } = shown;
  const line = (key: string, value: string): void => print(`${key.padEnd(14)}${value}`);
  line('Member', `${shown.memberId} of ${shown.site}`);
  line('Verdict', shown.why === null ? shown.verdict : `${shown.verdict} (${shown.why})`);
  if (parked) line('Parked', `${parked.step}: ${parked.message}`);
  for (const { kind, reason, since } of shown.held) line('Held', `${kind} since ${showTime(since)}: ${reason}`);
  line(
    'Ghost said',
    `${showTime(said.observedAt)}: ${said.deletedAt ? `deleted ${showTime(said.deletedAt)}` : `${said.email}, ${said.name ?? 'no name'}, ${said.status}`}`,
  );
  if (shown.otherIds.length > 0) line('Other ids', shown.otherIds.join(', '));
  line('List', shown.audience);
  if (expected) {
    line('Should hold', `${expected.email}, ${expected.name || 'no name'}`);
    for (const [key, { value }] of Object.entries(expected.fields))
      line('', `${key} = ${value instanceof Date ? value.toISOString().slice(0, 10) : value}`);
  } else line('Should hold', 'nothing');
  line(
    'Was seen',
    observed
      ? `${observed.state ?? 'never'}${observed.at ? ` at ${showTime(observed.at)}` : ''}; last outcome ${observed.outcome ?? 'none'}`
      : 'never',
  );
  print();
  printTable(
    ['WHEN', 'WHAT', 'DETAIL'],
    timeline.map(({ at, what, detail }) => [showTime(at), what, detail]),
  );
}
