import type { Sent } from './body.js';
import { errorBody } from './errors.js';
import { applyValues } from './fields.js';
import type { CampaignMonitorState, SandboxList, Subscriber, SubscriberState, Write } from './state.js';

/** How a write treats people who are not active. */
export interface Manner {
  operation: Write['operation'];
  resubscribe: boolean;
  queueAutomations: boolean;
  /** Lower-cased addresses that are refused with code 1. */
  refused: Set<string>;
  /** What somebody who is unsubscribed and suppressed is refused with; the vendor has been seen to give either. */
  unsubscribedCode: 204 | 206;
}

/** The answer to an import: counts, repeated addresses and refusals, with status 201 or 400. */
export interface ImportResult {
  FailureDetails: { EmailAddress: string; Code: number; Message: string }[];
  TotalUniqueEmailsSubmitted: number;
  TotalExistingSubscribers: number;
  TotalNewSubscribers: number;
  DuplicateEmailsInSubmission: string[];
}

const refusedByState: Record<SubscriberState, number | undefined> = {
  Active: undefined,
  Unconfirmed: 208,
  Unsubscribed: 206,
  Bounced: 207,
  Deleted: 205,
};

/** Imports people; of a repeated address the last one is stored (which one the vendor takes is not known). */
export function importAll(
  state: CampaignMonitorState,
  list: SandboxList,
  people: Sent[],
  manner: Manner,
): ImportResult {
  const unique = new Map<string, Sent>();
  const duplicates = new Map<string, string>();
  for (const sent of people) {
    const address = sent.email.toLowerCase();
    if (unique.has(address)) duplicates.set(address, sent.email);
    unique.set(address, sent);
  }
  const result: ImportResult = {
    FailureDetails: [],
    TotalUniqueEmailsSubmitted: unique.size,
    TotalExistingSubscribers: 0,
    TotalNewSubscribers: 0,
    DuplicateEmailsInSubmission: [...duplicates.values()],
  };
  for (const sent of unique.values()) {
    const code = refusalOf(state, list, sent, manner);
    if (code) result.FailureDetails.push({ EmailAddress: sent.email, ...errorBody(code) });
    else if (store(state, list, sent, manner)) result.TotalNewSubscribers += 1;
    else result.TotalExistingSubscribers += 1;
  }
  return result;
}

/** The code a person is refused with, or undefined when the write may be stored. */
export function refusalOf(
  state: CampaignMonitorState,
  list: SandboxList,
  sent: Sent,
  manner: Manner,
): number | undefined {
  const address = sent.email.toLowerCase();
  const badAddress = !isAddress(sent.email) || manner.refused.has(address);
  const badMobile = Boolean(sent.mobileNumber) && !/^\+[1-9]\d{6,14}$/.test(sent.mobileNumber ?? '');
  if (badAddress || badMobile) return badAddress && badMobile ? 221 : badAddress ? 1 : 220;
  if (manner.resubscribe) return undefined;
  const current = list.subscribers.get(address)?.state;
  const suppressed = list.unsubscribeSetting === 'AllClientLists' && state.suppression.has(address);
  if (suppressed)
    return current === 'Unsubscribed' ? manner.unsubscribedCode : ((current && refusedByState[current]) ?? 204);
  return current && refusedByState[current];
}

/** Stores one person whom nothing refuses; true when the address is new to the list. */
export function store(state: CampaignMonitorState, list: SandboxList, sent: Sent, manner: Manner): boolean {
  const address = sent.email.toLowerCase();
  const existing = list.subscribers.get(address);
  if (existing) {
    if (manner.resubscribe) resubscribe(state, list, existing, manner);
    edit(state, list, existing, sent, manner.operation);
    return false;
  }
  const first: SubscriberState = list.confirmedOptIn ? 'Unconfirmed' : 'Active';
  if (list.unsubscribeSetting === 'AllClientLists') state.suppression.delete(address);
  const created = state.create(list, sent.email, first, `Added by ${manner.operation}`);
  if (list.confirmedOptIn) state.confirmationMails.push(address);
  if (manner.queueAutomations) state.automationsQueued.push(address);
  edit(state, list, created, sent, manner.operation);
  return true;
}

/** Brings somebody back; an unconfirmed person is only mailed again. */
export function resubscribe(state: CampaignMonitorState, list: SandboxList, who: Subscriber, manner: Manner): void {
  const address = who.email.toLowerCase();
  if (list.unsubscribeSetting === 'AllClientLists') state.suppression.delete(address);
  if (who.state === 'Unconfirmed') state.confirmationMails.push(address);
  else if (who.state !== 'Active') {
    state.move(list, who, 'Active', `Resubscribed by ${manner.operation}`);
    if (manner.queueAutomations) state.automationsQueued.push(address);
  }
}

/** Stores name, consent and values of a write on a subscriber, and records it. */
export function edit(
  state: CampaignMonitorState,
  list: SandboxList,
  who: Subscriber,
  sent: Sent,
  operation: Write['operation'],
): void {
  const address = who.email.toLowerCase();
  if (sent.name !== undefined && sent.name !== who.name) {
    who.name = sent.name;
    list.version += 1;
  }
  if (sent.consent !== 'Unchanged') state.setConsent(address, sent.consent);
  if (sent.mobileNumber !== undefined) who.mobileNumber = sent.mobileNumber;
  if (sent.consentToSendSms === 'Yes' || sent.consentToSendSms === 'No') who.consentToSendSms = sent.consentToSendSms;
  const fields = applyValues(list.customFields, who.fields, sent.fields);
  state.note(who, `Stored by ${operation}`);
  state.record({ listId: list.listId, address, at: Date.now(), operation, name: who.name, fields });
  state.changed();
}

/** Whether Campaign Monitor takes the address: plain ASCII, one @, no spaces, a dot in the domain. */
export function isAddress(email: string): boolean {
  return email.length <= 254 && /^[\x21-\x3f\x41-\x7e]+@[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(email);
}
