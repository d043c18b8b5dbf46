import { destinationKinds } from '../../audiences/registry.js';
import { print, showTime } from '../output.js';
import { showAmount } from './amounts.js';
import { printDerivation, printObserved } from './print-derivation.js';
import { printGifts, printPlans } from './print-gifts.js';
import type { ShownSupporter, ShownSupporters } from './supporter-reading.js';
import { nameThem } from './supporter-verdict.js';
import { printFact, printWrapped } from './wrapped.js';

/** Prints supporters for people. */
export function printSupporters(shown: ShownSupporters): void {
  const { organization, supporters, timeline, verdict, why } = shown;
  if (supporters.length > 1)
    print(`${supporters.length} supporters of ${organization.name} share this address: ${idsOf(supporters)}.\n`);
  printFact('Verdict', `${verdict === 'true' ? 'true there' : verdict}${why === null ? '' : `: ${why}`}`);
  printFact('Audience', audienceWords(shown));
  if (shown.address !== null) printFact('Consent', consentWords(shown));
  if (supporters.length > 1 && shown.namesFrom !== null)
    printFact('Names from', `${shown.namesFrom}, changed last at Classy`);
  print();
  for (const supporter of supporters) printSupporter(supporter, shown);
  printDerivation(shown);
  if (shown.audience) {
    printObserved(shown);
    print();
  }
  const isShared = supporters.length > 1;
  printWrapped(
    ['WHEN', 'WHAT', ...(isShared ? ['SUPPORTER'] : []), 'DETAIL'],
    timeline.map(({ at, what, supporter, detail, run }) => [
      showTime(at),
      what,
      ...(isShared ? [supporter ?? ''] : []),
      run === undefined ? detail : `${detail} (run ${run})`,
    ]),
  );
}

const idsOf = (supporters: readonly ShownSupporter[]): string => supporters.map(({ id }) => id).join(', ');

function audienceWords({ audience }: ShownSupporters): string {
  if (!audience) return 'none';
  const { id, destination, title, isShared } = audience;
  const kinds: Readonly<Record<string, { title: string }>> = destinationKinds;
  const shared = isShared ? '; shared with another organization: names and tags only' : '';
  return `${title === null ? '' : `${title}, `}${id} at ${kinds[destination]?.title ?? destination}${shared}`;
}

function consentWords({ consent: { isGiven, yes, no } }: ShownSupporters): string {
  if (isGiven) return `yes, by ${nameThem(yes)}`;
  if (no.length === 0) return 'nobody at Classy is left to give it';
  const refused = no.map(({ supporter, optIn }) => `${supporter} ${optIn === null ? 'says nothing' : 'says no'}`);
  return `no: ${refused.join(', ')}${yes.length > 0 ? `; ${nameThem(yes)} yes, which is not enough` : ''}`;
}

function printSupporter(one: ShownSupporter, { organization, rules }: ShownSupporters): void {
  const { id, name, currency, isRemoved } = organization;
  printFact('Supporter', `${one.id} of ${name} (${id})${isRemoved ? ', an organization that was removed' : ''}`);
  if (one.missingSince) printFact('Missing', `not at Classy any more, noticed ${showTime(one.missingSince)}`);
  printFact('Name', [one.firstName, one.lastName].filter(Boolean).join(' ') || 'none');
  if (one.nickname) printFact('Nickname', one.nickname);
  printFact('E-mail', one.emailAddress?.trim() || 'none');
  printFact('Opt-in', optInWords(one));
  const place = [one.postalCode, one.city, one.state, one.country].filter(Boolean).join(', ');
  if (place) printFact('Place', place);
  const phones = [one.phone, one.cellPhone].filter(Boolean).join(', ');
  if (phones) printFact('Phone', phones);
  printFact('At Classy', `added ${showTime(one.createdAt) || 'at no known time'}, changed ${showTime(one.updatedAt)}`);
  const origin = [one.origin, one.sourceCampaignId && `campaign ${one.sourceCampaignId}`].filter(Boolean).join(', ');
  if (origin) printFact('Came by', origin);
  if (one.memberId) printFact('Classy member', one.memberId);
  printFact('Read', showTime(one.observedAt));
  printFact('Given', totalsWords(one));
  print();
  printGifts(one.gifts, { currency, rules });
  printPlans(one.plans);
}

function optInWords({ emailOptIn }: ShownSupporter): string {
  if (emailOptIn === null) return 'Classy says nothing, which is no consent';
  return emailOptIn ? 'yes: consents to e-mail' : 'no: must not be mailed';
}

function totalsWords({ lifetimeAmount, giftCount, firstGiftAt, lastGiftAt, currency }: ShownSupporter): string {
  if (giftCount === 0) return 'nothing that counts';
  const amount = `${showAmount(lifetimeAmount, currency)}${currency === null ? ' in all currencies together' : ''}`;
  const times = giftCount === 1 ? 'one gift' : `${giftCount} gifts`;
  const when =
    giftCount === 1 ? `of ${showTime(firstGiftAt)}` : `from ${showTime(firstGiftAt)} to ${showTime(lastGiftAt)}`;
  return `${amount} by ${times} ${when}`;
}
