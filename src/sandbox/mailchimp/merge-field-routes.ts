import type { Answer } from '../stand-in.js';
import type { AudienceState } from './audience.js';
import { bodies, bodyOf } from './bodies.js';
import { jsonAnswer, notFound } from './errors.js';
import { audienceNamed, type Exchange, type Route } from './exchange.js';
import type { MergeFieldInput, SandboxMergeField } from './merge-fields.js';
import { pageOf } from './pages.js';
import { selected } from './select.js';
import { mergeFieldShape, selfLink } from './shapes.js';

const all = /^\/lists\/([^/]+)\/merge-fields$/;
const one = /^\/lists\/([^/]+)\/merge-fields\/([^/]+)$/;

/** The merge fields of an audience. */
export const mergeFieldRoutes: Route[] = [
  ['GET', all, 'merge-fields.list', listFields],
  ['POST', all, 'merge-fields.create', createField],
  ['GET', one, 'merge-fields.get', getField],
  ['PATCH', one, 'merge-fields.edit', editField],
  ['DELETE', one, 'merge-fields.delete', deleteField],
];

function listFields(exchange: Exchange): Answer {
  const { query, url } = exchange;
  const audience = audienceNamed(exchange);
  const [type, required] = [query.get('type'), query.get('required')];
  const fields = audience.mergeFields.list.filter(
    (field) => (!type || field.type === type) && (!required || String(field.required) === required),
  );
  const merge_fields = pageOf(fields, query).map((field) => mergeFieldShape(audience, field, url()));
  const _links = selfLink(`${url()}/lists/${audience.id}/merge-fields`);
  return jsonAnswer(200, selected({ merge_fields, list_id: audience.id, total_items: fields.length, _links }, query));
}

function createField(exchange: Exchange): Answer {
  const audience = audienceNamed(exchange);
  const field = audience.mergeFields.add(bodyOf(bodies.mergeFieldCreate, exchange.call.body) as MergeFieldInput);
  audience.surroundings.changed();
  return shown(exchange, audience, field);
}

function getField(exchange: Exchange): Answer {
  const audience = audienceNamed(exchange);
  return shown(exchange, audience, fieldNamed(exchange, audience));
}

function editField(exchange: Exchange): Answer {
  const audience = audienceNamed(exchange);
  const field = fieldNamed(exchange, audience);
  const before = field.tag;
  audience.mergeFields.edit(field, bodyOf(bodies.mergeFieldPatch, exchange.call.body) as Partial<SandboxMergeField>);
  if (field.tag !== before) audience.renameValues(before, field.tag);
  audience.surroundings.changed();
  return shown(exchange, audience, field);
}

function deleteField(exchange: Exchange): Answer {
  const audience = audienceNamed(exchange);
  const field = fieldNamed(exchange, audience);
  audience.mergeFields.remove(field);
  audience.renameValues(field.tag, undefined);
  audience.surroundings.changed();
  return jsonAnswer(204);
}

function fieldNamed({ params }: Exchange, audience: AudienceState): SandboxMergeField {
  const field = audience.mergeFields.list.find(({ merge_id }) => String(merge_id) === params[1]);
  if (!field) throw notFound();
  return field;
}

function shown({ query, url }: Exchange, audience: AudienceState, field: SandboxMergeField): Answer {
  return jsonAnswer(200, selected(mergeFieldShape(audience, field, url()), query));
}
