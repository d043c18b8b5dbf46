import type { Answer } from '../stand-in.js';
import { hashOf } from './addresses.js';
import { bodies, bodyOf, type MemberBody } from './bodies.js';
import { invalid, jsonAnswer, MailchimpError, notValidated } from './errors.js';
import { audienceNamed, type Exchange, mannerOf, type Route } from './exchange.js';
import type { SandboxMember } from './member.js';
import { selected } from './select.js';
import { memberShape, selfLink } from './shapes.js';
import { createMember, type Manner, updateMember } from './write.js';

/** People that one batch, or one segment call in one direction, may hold. */
export const mostItems = 500;

/** Many members in one call. */
export const batchRoutes: Route[] = [['POST', /^\/lists\/([^/]+)$/, 'batch', batch]];

interface ItemError {
  email_address: string;
  error: string;
  error_code: 'ERROR_CONTACT_EXISTS' | 'ERROR_GENERIC';
  field: string;
  field_message: string;
}

function batch(exchange: Exchange): Answer {
  const { quirks, query, url } = exchange;
  const audience = audienceNamed(exchange);
  const body = bodyOf(bodies.batch, exchange.call.body);
  if (body.members.length > mostItems) throw tooMany();
  const items = body.members.map(withoutNulls);
  const addresses = items.map(({ email_address = '' }) => email_address.trim().toLowerCase());
  exchange.call.addresses = addresses;
  refusePoison(exchange, addresses);
  const isUnchecked = query.get('skip_duplicate_check') === 'true';
  const seen = new Set<string>();
  const repeated = addresses.find((address) => address && seen.size === seen.add(address).size);
  if (repeated && !isUnchecked && quirks.batchDuplicates === 'call') {
    throw invalid(`${repeated} is more than once in this request.`);
  }
  const manner: Manner = {
    ...mannerOf(exchange),
    tagsOfExisting: body.sync_tags ? 'replaced' : 'added',
    isSilentOnCompliance: quirks.batchCompliance === 'silent',
  };
  const failsHalf = quirks.halfFailBatches > 0;
  if (failsHalf) quirks.halfFailBatches -= 1;
  seen.clear();
  const created: SandboxMember[] = [];
  const updated: SandboxMember[] = [];
  const errors: ItemError[] = [];
  for (const [index, item] of items.entries()) {
    const address = addresses[index] ?? '';
    if (address && seen.size === seen.add(address).size) {
      if (!isUnchecked) errors.push(itemError(address, 'This address is more than once in this request.'));
      continue;
    }
    try {
      if (failsHalf && index % 2 === 1) throw invalid('An internal error occurred, please try again later.');
      const member = audience.byHash.get(hashOf(address));
      if (!member) created.push(createMember(audience, item, manner));
      else if (body.update_existing) updated.push(updateMember(audience, member, item, manner));
      else errors.push(contactExists(item.email_address ?? ''));
    } catch (error) {
      if (!(error instanceof MailchimpError)) throw error;
      const [field] = error.errors;
      errors.push(itemError(item.email_address ?? '', error.detail, field?.field, field?.message));
    }
  }
  // the vendor promises no order; this one finds a client that takes them by their place
  const shapes = (members: SandboxMember[]) => members.reverse().map((one) => memberShape(audience, one, url()));
  const counts = { total_created: created.length, total_updated: updated.length, error_count: errors.length };
  const answer = {
    new_members: shapes(created),
    updated_members: shapes(updated),
    errors: errors.reverse(),
    ...counts,
  };
  const _links = selfLink(`${url()}/lists/${audience.id}`);
  return jsonAnswer(200, selected({ ...answer, _links }, query));
}

/** 400 of a call with more people than it may hold. */
export function tooMany(): MailchimpError {
  return invalid(`Maximum allowed member items exceeded, only ${mostItems} are allowed in one request.`);
}

function refusePoison({ faults, quirks }: Exchange, addresses: string[]): void {
  const poison = new Set(faults.poisonAddresses);
  const index = addresses.findIndex((address) => poison.has(address));
  if (index < 0) return;
  if (quirks.poisonedBatch === 'error') {
    throw new MailchimpError(500, 'InternalServerError', 'An unexpected internal error has occurred.');
  }
  const field = `members.item:${index}.email_address`;
  throw quirks.poisonedBatch === 'named'
    ? notValidated([{ field, message: 'This value is not valid.' }])
    : new MailchimpError(400, 'BadRequest', 'Your request could not be processed.');
}

function itemError(email_address: string, error: string, field = '', field_message = ''): ItemError {
  return { email_address, error, error_code: 'ERROR_GENERIC', field, field_message };
}

function contactExists(email: string): ItemError {
  const ask = 'do you want to update? please provide update_existing:true in the request body';
  return { ...itemError(email, `${email} is already a list member, ${ask}`), error_code: 'ERROR_CONTACT_EXISTS' };
}

function withoutNulls(item: Record<string, unknown>): MemberBody {
  const { marketing_permissions: _, ...rest } = item;
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null));
}
