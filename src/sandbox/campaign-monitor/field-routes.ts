import type { Answer } from '../stand-in.js';
import { flag, list as listOf, objectBody, text } from './body.js';
import { jsonAnswer, Refusal } from './errors.js';
import { type Exchange, listNamed, type Route } from './exchange.js';
import { type CustomField, defineField, renameField } from './fields.js';

/** The custom fields of a list: read, add, rename, change options, delete. */
export const fieldRoutes: Route[] = [
  ['GET', /^\/lists\/([^/]+)\/customfields$/, 'customfields.list', listFields],
  ['POST', /^\/lists\/([^/]+)\/customfields$/, 'customfields.add', addField],
  ['PUT', /^\/lists\/([^/]+)\/customfields\/([^/]+)$/, 'customfields.update', updateField],
  ['PUT', /^\/lists\/([^/]+)\/customfields\/([^/]+)\/options$/, 'customfields.options', setOptions],
  ['DELETE', /^\/lists\/([^/]+)\/customfields\/([^/]+)$/, 'customfields.delete', deleteField],
];

function listFields(exchange: Exchange): Answer {
  const rows = listNamed(exchange).customFields.map((field) => ({
    FieldName: field.name,
    Key: `[${field.key}]`,
    DataType: field.type,
    FieldOptions: field.options,
    VisibleInPreferenceCenter: field.visible,
  }));
  return jsonAnswer(200, rows);
}

function addField(exchange: Exchange): Answer {
  const list = listNamed(exchange);
  const body = objectBody(exchange.call.body);
  const field = defineField(list.customFields, {
    name: text(body, 'FieldName') ?? '',
    type: text(body, 'DataType') ?? '',
    options: texts(body, 'Options'),
    visible: flag(body, 'VisibleInPreferenceCenter'),
  });
  exchange.state.changed();
  return jsonAnswer(201, `[${field.key}]`);
}

function updateField(exchange: Exchange): Answer {
  const list = listNamed(exchange);
  const field = fieldNamed(exchange, list.customFields);
  const body = objectBody(exchange.call.body);
  const oldKey = renameField(list.customFields, field, text(body, 'FieldName') ?? field.name);
  field.visible = flag(body, 'VisibleInPreferenceCenter');
  for (const { fields } of list.subscribers.values()) {
    const value = fields.get(oldKey);
    if (fields.delete(oldKey) && value !== undefined) fields.set(field.key, value);
  }
  exchange.state.changed();
  return jsonAnswer(200, `[${field.key}]`);
}

function setOptions(exchange: Exchange): Answer {
  const field = fieldNamed(exchange, listNamed(exchange).customFields);
  const body = objectBody(exchange.call.body);
  const options = texts(body, 'Options');
  if (!field.type.startsWith('MultiSelect')) throw new Refusal(256);
  if (options.length === 0) throw new Refusal(257);
  field.options = flag(body, 'KeepExistingOptions') ? [...new Set([...field.options, ...options])] : options;
  exchange.state.changed();
  return { status: 200 };
}

function deleteField(exchange: Exchange): Answer {
  const list = listNamed(exchange);
  const field = fieldNamed(exchange, list.customFields);
  list.customFields.splice(list.customFields.indexOf(field), 1);
  for (const { fields } of list.subscribers.values()) fields.delete(field.key);
  exchange.state.changed();
  return { status: 200 };
}

/** The field of a path; here, unlike in writes of values, the key needs its brackets. */
function fieldNamed({ params }: Exchange, fields: CustomField[]): CustomField {
  const field = fields.find(({ key }) => params[1] === `[${key}]`);
  if (!field) throw new Refusal(253);
  return field;
}

function texts(body: Record<string, unknown>, name: string): string[] {
  const values = listOf(body, name) ?? [];
  if (!values.every((value) => typeof value === 'string'))
    throw new Refusal(400, `${name} holds something else than text`);
  return values;
}
