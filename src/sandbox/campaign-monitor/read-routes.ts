import type { Answer } from '../stand-in.js';
import { list as listOf, objectBody } from './body.js';
import { jsonAnswer, Refusal } from './errors.js';
import { type Exchange, listNamed, type Route, subscriberNamed } from './exchange.js';
import { readValues } from './fields.js';
import { pageOf, pageQuery, sortRows, subscribersOf } from './pages.js';
import type { SandboxList, Subscriber, SubscriberState } from './state.js';

const stateOfPage: Record<string, SubscriberState> = {
  active: 'Active',
  unconfirmed: 'Unconfirmed',
  unsubscribed: 'Unsubscribed',
  bounced: 'Bounced',
  deleted: 'Deleted',
};

/** Everything that only reads, and the client's suppression list. */
export const readRoutes: Route[] = [
  ['GET', /^\/systemdate$/, 'systemdate', systemDate],
  ['GET', /^\/subscribers\/([^/]+)$/, 'subscriber.get', getSubscriber],
  ['GET', /^\/subscribers\/([^/]+)\/history$/, 'subscriber.history', getHistory],
  ['GET', /^\/lists\/([^/]+)$/, 'list.get', getList],
  ['GET', /^\/lists\/([^/]+)\/stats$/, 'list.stats', getStats],
  ['GET', /^\/lists\/([^/]+)\/(active|unconfirmed|unsubscribed|bounced|deleted)$/, 'list.page', getPage],
  ['GET', /^\/clients$/, 'clients.list', listClients],
  ['GET', /^\/clients\/([^/]+)$/, 'client.get', getClient],
  ['GET', /^\/clients\/([^/]+)\/lists$/, 'client.lists', listLists],
  ['GET', /^\/clients\/([^/]+)\/suppressionlist$/, 'client.suppressionlist', getSuppressionList],
  ['POST', /^\/clients\/([^/]+)\/suppress$/, 'client.suppress', suppress],
  ['PUT', /^\/clients\/([^/]+)\/unsuppress$/, 'client.unsuppress', unsuppress],
];

function systemDate({ state }: Exchange): Answer {
  return jsonAnswer(200, { SystemDate: state.clock.format(state.clock.now()) });
}

function getSubscriber(exchange: Exchange): Answer {
  const list = listNamed(exchange);
  return jsonAnswer(200, subscriberRow(exchange, list, subscriberNamed(exchange, list)));
}

function getHistory(exchange: Exchange): Answer {
  const list = listNamed(exchange);
  const { history } = subscriberNamed(exchange, list);
  const { clock } = exchange.state;
  const Actions = history.map(({ at, what }) => ({ Event: what, Date: clock.format(at), IPAddress: '', Detail: '' }));
  return jsonAnswer(200, [{ ID: list.listId, Type: 'List', Name: list.title, Actions }]);
}

function getPage(exchange: Exchange): Answer {
  const list = listNamed(exchange);
  const asked = pageQuery(exchange.query, ['email', 'name', 'date']);
  const state = stateOfPage[exchange.params[1] ?? ''] ?? 'Active';
  const rows = subscribersOf(list, state, asked, exchange.query.get('date'), exchange.state.clock);
  return jsonAnswer(
    200,
    pageOf(rows, asked, (subscriber) => subscriberRow(exchange, list, subscriber)),
  );
}

function subscriberRow({ state, query, keyStyle }: Exchange, list: SandboxList, subscriber: Subscriber): unknown {
  const consents = {
    ...(isTrue(query.get('includetrackingpreference')) && { ConsentToTrack: subscriber.consentToTrack }),
    ...(isTrue(query.get('includesmspreference')) && { ConsentToSendSms: subscriber.consentToSendSms }),
  };
  return {
    EmailAddress: subscriber.email,
    Name: subscriber.name,
    Date: state.clock.format(subscriber.date),
    ListJoinedDate: state.clock.format(subscriber.joined),
    State: subscriber.state,
    CustomFields: readValues(list.customFields, subscriber.fields, keyStyle),
    ReadsEmailWith: '',
    MobileNumber: subscriber.mobileNumber,
    ...consents,
  };
}

function getList(exchange: Exchange): Answer {
  const list = listNamed(exchange);
  return jsonAnswer(200, {
    ListID: list.listId,
    Title: list.title,
    UnsubscribePage: '',
    ConfirmedOptIn: list.confirmedOptIn,
    ConfirmationSuccessPage: '',
    UnsubscribeSetting: list.unsubscribeSetting,
  });
}

function getStats(exchange: Exchange): Answer {
  const all = [...listNamed(exchange).subscribers.values()];
  const inState = (state: SubscriberState) => all.filter((subscriber) => subscriber.state === state);
  const active = inState('Active').map(({ joined }) => joined);
  const unsubscribed = inState('Unsubscribed').map(({ date }) => date);
  const deleted = inState('Deleted').map(({ date }) => date);
  const bounced = inState('Bounced').map(({ date }) => date);
  const kinds = { NewActiveSubscribers: active, Unsubscribes: unsubscribed, Deleted: deleted, Bounces: bounced };
  const stats: Record<string, number> = {
    TotalActiveSubscribers: active.length,
    TotalUnsubscribes: unsubscribed.length,
    TotalDeleted: deleted.length,
    TotalBounces: bounced.length,
  };
  for (const [kind, dates] of Object.entries(kinds)) {
    for (const [period, { from, to }] of Object.entries(exchange.state.clock.periods())) {
      stats[`${kind}${period}`] = dates.filter((date) => date >= from && date < to).length;
    }
  }
  return jsonAnswer(200, stats);
}

function listClients({ clientId, clientName }: Exchange): Answer {
  return jsonAnswer(200, [{ ClientID: clientId, Name: clientName }]);
}

function getClient(exchange: Exchange): Answer {
  requireClient(exchange);
  const { state, clientId, clientName } = exchange;
  return jsonAnswer(200, {
    ApiKey: state.apiKeys[0],
    BasicDetails: { ClientID: clientId, CompanyName: clientName, Country: 'Australia', TimeZone: '(GMT+10:00) Sydney' },
  });
}

function listLists(exchange: Exchange): Answer {
  requireClient(exchange);
  const lists = [...exchange.state.lists.values()].map(({ listId, title }) => ({ ListID: listId, Name: title }));
  return jsonAnswer(200, lists);
}

function getSuppressionList(exchange: Exchange): Answer {
  requireClient(exchange);
  const { suppression, clock } = exchange.state;
  const asked = pageQuery(exchange.query, ['email', 'date']);
  const key = ([address, { date }]: [string, { date: Date }]) => (asked.field === 'email' ? address : date.getTime());
  const rows = sortRows([...suppression], key, ([address]) => address);
  if (asked.direction === 'desc') rows.reverse();
  const page = pageOf(rows, asked, ([EmailAddress, { reason, date }]) => ({
    SuppressionReason: reason,
    EmailAddress,
    Date: clock.format(date),
    State: 'Suppressed',
  }));
  return jsonAnswer(200, page);
}

function suppress(exchange: Exchange): Answer {
  requireClient(exchange);
  const addresses = listOf(objectBody(exchange.call.body), 'EmailAddresses') ?? [];
  exchange.call.addresses = addresses.map((address) => String(address).toLowerCase());
  for (const address of exchange.call.addresses) exchange.state.suppress(address);
  return { status: 200 };
}

function unsuppress(exchange: Exchange): Answer {
  requireClient(exchange);
  const address = (exchange.query.get('email') ?? '').toLowerCase();
  exchange.call.addresses = [address];
  exchange.state.suppression.delete(address);
  exchange.state.changed();
  return { status: 200 };
}

function requireClient({ params, clientId }: Exchange): void {
  if (params[0] !== clientId) throw new Refusal(102);
}

function isTrue(text: string | null): boolean {
  return text?.toLowerCase() === 'true';
}
