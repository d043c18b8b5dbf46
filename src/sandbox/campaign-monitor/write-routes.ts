import type { Answer } from '../stand-in.js';
import { flag, list as listOf, objectBody, readSent, type Sent, text } from './body.js';
import { errorBody, jsonAnswer, Refusal } from './errors.js';
import { type Exchange, listNamed, type Route, subscriberNamed } from './exchange.js';
import type { CampaignMonitorState, SandboxList, Subscriber } from './state.js';
import { edit, importAll, isAddress, type Manner, refusalOf, resubscribe, store } from './write.js';

const largestImport = 1000;

/** Import, add, update, delete and unsubscribe subscribers. */
export const writeRoutes: Route[] = [
  ['POST', /^\/subscribers\/([^/]+)\/import$/, 'import', importSubscribers],
  ['POST', /^\/subscribers\/([^/]+)$/, 'subscriber.add', addSubscriber],
  ['PUT', /^\/subscribers\/([^/]+)$/, 'subscriber.update', updateSubscriber],
  ['DELETE', /^\/subscribers\/([^/]+)$/, 'subscriber.delete', deleteSubscriber],
  ['POST', /^\/subscribers\/([^/]+)\/unsubscribe$/, 'subscriber.unsubscribe', unsubscribeSubscriber],
];
function importSubscribers(exchange: Exchange): Answer {
  const { state, faults, call } = exchange;
  const list = listNamed(exchange);
  const body = objectBody(call.body);
  const raw = listOf(body, 'Subscribers') ?? [];
  if (raw.length === 0) throw new Refusal(212);
  if (raw.length > largestImport) throw new Refusal(209);
  const manner = mannerOf(exchange, 'import', body);
  const people = raw.map(readSent);
  call.addresses = people.map((sent) => sent.email.toLowerCase());
  const poison = new Set(faults.poisonAddresses.map((address) => address.toLowerCase()));
  if (call.addresses.some((address) => poison.has(address))) throw new Refusal(500);
  const result = importAll(state, list, people, manner);
  if (result.FailureDetails.length === 0) return jsonAnswer(201, result);
  return jsonAnswer(400, { ResultData: result, ...errorBody(210) });
}

function addSubscriber(exchange: Exchange): Answer {
  const { state, call } = exchange;
  const list = listNamed(exchange);
  const sent = readOne(exchange);
  const manner = mannerOf(exchange, 'add', objectBody(call.body));
  const code = refusalOf(state, list, sent, manner);
  if (code) throw new Refusal(code);
  exchange.later(() => {
    if (!refusalOf(state, list, sent, manner)) store(state, list, sent, manner);
  });
  return jsonAnswer(201, sent.email);
}

function updateSubscriber(exchange: Exchange): Answer {
  const { state, call } = exchange;
  const list = listNamed(exchange);
  const subscriber = subscriberNamed(exchange, list);
  const sent = readOne(exchange);
  const manner = mannerOf(exchange, 'update', objectBody(call.body));
  const [oldAddress, address] = [subscriber.email.toLowerCase(), sent.email.toLowerCase()];
  if (!isAddress(sent.email) || manner.refused.has(address)) throw new Refusal(211);
  if (address !== oldAddress && list.subscribers.has(address)) throw new Refusal(201);
  if (address !== oldAddress) moveAddress(state, list, subscriber, address);
  subscriber.email = sent.email;
  list.version += 1;
  if (manner.resubscribe) resubscribe(state, list, subscriber, manner);
  edit(state, list, subscriber, sent, 'update');
  return { status: 200 };
}

function moveAddress(state: CampaignMonitorState, list: SandboxList, subscriber: Subscriber, address: string): void {
  list.subscribers.delete(subscriber.email.toLowerCase());
  list.subscribers.set(address, subscriber);
  state.consents.set(address, state.consents.get(address) ?? subscriber.consentToTrack);
  state.note(subscriber, `Address changed from ${subscriber.email}`);
}

function deleteSubscriber(exchange: Exchange): Answer {
  const list = listNamed(exchange);
  exchange.state.move(list, subscriberNamed(exchange, list), 'Deleted', 'Deleted by the API');
  return { status: 200 };
}

function unsubscribeSubscriber(exchange: Exchange): Answer {
  const list = listNamed(exchange);
  const email = text(objectBody(exchange.call.body), 'EmailAddress') ?? '';
  exchange.state.unsubscribe(list.listId, subscriberNamed(exchange, list, email).email);
  return { status: 200 };
}

function readOne({ call }: Exchange): Sent {
  const sent = readSent(objectBody(call.body));
  call.addresses.push(sent.email.toLowerCase());
  return sent;
}

function mannerOf(exchange: Exchange, operation: Manner['operation'], body: Record<string, unknown>): Manner {
  return {
    operation,
    resubscribe: flag(body, 'Resubscribe'),
    queueAutomations: flag(body, 'QueueSubscriptionBasedAutoResponders'),
    refused: new Set(exchange.faults.refuseAddresses.map((address) => address.toLowerCase())),
    unsubscribedCode: exchange.unsubscribedCode,
  };
}
