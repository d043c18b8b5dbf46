import type { Gift, NotCounted, Plan } from '../../ledger/classy/supporters.js';
import { print, printTable, showTime } from '../output.js';
import { showAmount } from './amounts.js';
import type { ShownSupporter, ShownSupporters } from './supporter-reading.js';

const line = (key: string, value: string): void => print(`${key.padEnd(16)}${value}`);

/** Prints supporters for people. */
export function printSupporters(shown: ShownSupporters): void {
  const { organization, supporters, timeline } = shown;
  if (supporters.length > 1)
    print(`${supporters.length} supporters of ${organization.name} share this address: ${idsOf(supporters)}.\n`);
  for (const supporter of supporters) printSupporter(supporter, shown);
  printTable(
    ['WHEN', 'WHAT', ...(supporters.length > 1 ? ['SUPPORTER'] : []), 'DETAIL'],
    timeline.map(({ at, what, supporter, detail }) => [
      showTime(at),
      what,
      ...(supporters.length > 1 ? [supporter] : []),
      detail,
    ]),
  );
}

const idsOf = (supporters: readonly ShownSupporter[]): string => supporters.map(({ id }) => id).join(', ');

function printSupporter(
  one: ShownSupporter,
  { organization: { id, name, currency, isRemoved } }: ShownSupporters,
): void {
  line('Supporter', `${one.id} of ${name} (${id})${isRemoved ? ', an organization that was removed' : ''}`);
  line('Audience', 'none yet: nothing is sent anywhere');
  if (one.missingSince) line('Missing', `not at Classy any more, noticed ${showTime(one.missingSince)}`);
  line('Name', [one.firstName, one.lastName].filter(Boolean).join(' ') || 'none');
  if (one.nickname) line('Nickname', one.nickname);
  line('E-mail', one.emailAddress?.trim() || 'none');
  line('Opt-in', consentWords(one));
  const place = [one.postalCode, one.city, one.state, one.country].filter(Boolean).join(', ');
  if (place) line('Place', place);
  const phones = [one.phone, one.cellPhone].filter(Boolean).join(', ');
  if (phones) line('Phone', phones);
  line('At Classy', `added ${showTime(one.createdAt) || 'at no known time'}, changed ${showTime(one.updatedAt)}`);
  const origin = [one.origin, one.sourceCampaignId && `campaign ${one.sourceCampaignId}`].filter(Boolean).join(', ');
  if (origin) line('Came by', origin);
  if (one.memberId) line('Classy member', one.memberId);
  line('Read', showTime(one.observedAt));
  line('Given', totalsWords(one));
  print();
  printGifts(one.gifts, currency);
  printPlans(one.plans);
}

function consentWords({ emailOptIn }: ShownSupporter): string {
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

function printGifts(gifts: readonly Gift[], currency: string | null): void {
  if (gifts.length === 0) return;
  printTable(
    ['GIFT', 'DATE', 'AMOUNT', 'STATUS', 'CAMPAIGN', 'COUNTS'],
    gifts.map((gift) => [
      gift.id,
      showTime(gift.at) || 'none',
      amountWords(gift),
      gift.status ?? 'none',
      gift.campaign ?? gift.campaignId ?? '',
      gift.counted ? 'yes' : `no: ${gift.why.map((why) => explain(why, gift, currency)).join('; ')}`,
    ]),
  );
  print();
}

function amountWords({ amount, currency, rawAmount, rawCurrency }: Gift): string {
  const given = rawAmount !== null && rawCurrency !== currency ? ` (gave ${showAmount(rawAmount, rawCurrency)})` : '';
  return `${showAmount(amount, currency)}${given}`;
}

/** Why a gift is not added up, in plain words. */
function explain(why: NotCounted, { status, currency }: Gift, ofOrganization: string | null): string {
  switch (why) {
    case 'missing':
      return 'not at Classy any more';
    case 'status':
      return status === null ? 'it has no status' : `its status is ${status}, not success`;
    case 'no-date':
      return 'it has no date';
    case 'dated-ahead':
      return 'dated ahead';
    case 'amount':
      return 'its amount is not above 0';
    case 'currency':
      return `in ${currency}, not in ${ofOrganization}`;
    case 'not-yet':
      return 'its date has come: the next sync of transactions counts it';
  }
}

function printPlans(plans: readonly Plan[]): void {
  if (plans.length === 0) return;
  printTable(
    ['PLAN', 'STATUS', 'AMOUNT', 'FREQUENCY', 'STARTED', 'NEXT', 'CAMPAIGN', 'ENDED'],
    plans.map((plan) => [
      plan.id,
      `${plan.status ?? 'none'}${plan.isPaused ? ', paused' : ''}${plan.missingSince ? ', not at Classy any more' : ''}`,
      showAmount(plan.amount, plan.currency),
      plan.frequency ?? '',
      showTime(plan.startedAt),
      plan.nextPayment ?? '',
      plan.campaign ?? plan.campaignId ?? '',
      showTime(plan.canceledAt ?? plan.failedAt),
    ]),
  );
  print();
}
