import type { CustomField } from './fields.js';
import type { CampaignMonitorState, ListInput, Subscriber } from './state.js';

interface SavedSubscriber extends Omit<Subscriber, 'date' | 'joined' | 'fields' | 'history'> {
  date: string;
  joined: string;
  fields: Record<string, string>;
  history: { at: string; what: string }[];
}
interface Saved {
  lists: (Required<ListInput> & { customFields: CustomField[]; subscribers: SavedSubscriber[] })[];
  suppression: { address: string; reason: string; date: string }[];
  consents: Record<string, 'Yes' | 'No'>;
  automationsQueued: string[];
  confirmationMails: string[];
}

/** The state as plain JSON, for the snapshot and for `/__sandbox/state`; keys are not in it. */
export function dumpState(state: CampaignMonitorState): unknown {
  return {
    lists: [...state.lists.values()].map(({ version: _, ...list }) => ({
      ...list,
      subscribers: [...list.subscribers.values()].map((one) => ({ ...one, fields: Object.fromEntries(one.fields) })),
    })),
    suppression: [...state.suppression].map(([address, entry]) => ({ address, ...entry })),
    consents: Object.fromEntries(state.consents),
    automationsQueued: state.automationsQueued,
    confirmationMails: state.confirmationMails,
  };
}

/** Puts a dumped state back. */
export function loadState(state: CampaignMonitorState, dumped: unknown): void {
  const saved = dumped as Saved;
  for (const { customFields, subscribers, ...input } of saved.lists) {
    const list = state.addList(input);
    list.customFields = customFields;
    for (const one of subscribers) list.subscribers.set(one.email.toLowerCase(), revive(one));
  }
  for (const { address, reason, date } of saved.suppression) {
    state.suppression.set(address, { reason, date: new Date(date) });
  }
  for (const [address, consent] of Object.entries(saved.consents)) state.consents.set(address, consent);
  state.automationsQueued.push(...saved.automationsQueued);
  state.confirmationMails.push(...saved.confirmationMails);
}

function revive(one: SavedSubscriber): Subscriber {
  return {
    ...one,
    date: new Date(one.date),
    joined: new Date(one.joined),
    fields: new Map(Object.entries(one.fields)),
    history: one.history.map(({ at, what }) => ({ at: new Date(at), what })),
  };
}
