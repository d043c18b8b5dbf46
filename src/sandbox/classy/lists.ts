import type { Answer, Request } from '../stand-in.js';
import type { ClassyBooks } from './books.js';
import { parseSort, select } from './browse.js';
import type { Row } from './collection.js';
import type { Context } from './context.js';
import { envelope, pageOf, rowsOf } from './envelope.js';
import { invalidParameter, jsonAnswer } from './errors.js';
import { fieldsOf, type Resource } from './fields.js';
import { type Condition, parseFilter } from './filter.js';
import { askable, associationsOf, collectionOf } from './resources.js';
import { shapeOf, wantedFields } from './shape.js';

const oncePerRequest = ['filter', 'sort', 'page', 'per_page', 'with', 'fields'];

/** Answers a page of a resource; `owner` limits it to the rows whose field holds that number. */
export function listAnswer(
  context: Context,
  request: Request,
  books: ClassyBooks,
  resource: Resource,
  owner?: { field: string; id: number },
): Answer {
  const { query } = request;
  for (const name of oncePerRequest) if (query.getAll(name).length > 1) throw invalidParameter(name);
  const page = pageOf(query);
  const along = associationsOf(resource, query.get('with'));
  const fields = wantedFields(resource, query.get('fields'));
  const conditions = parseFilter(query.get('filter'), askable(books, resource, along));
  if (owner) conditions.push(ownedBy(owner));
  const sort = parseSort(query.get('sort'), fieldsOf[resource]);
  const { total, slice } = select(collectionOf(books, resource), conditions, sort);
  const data = rowsOf(page, slice).map((row) => shapeOf(books, context.faults, row, { resource, along, fields }));
  const told = Math.max(0, total + context.faults.totalLies);
  return sent(context, request.path, resource, data, envelope(context.url() + request.path, data, page, told));
}

/** Answers the organizations of an application, or anything else that is a list but not of an organization's records. */
export function plainListAnswer(context: Context, { path, query }: Request, rows: Row[]): Answer {
  const page = pageOf(query);
  const data = rowsOf(page, (from, to) => rows.slice(from, to));
  return jsonAnswer(200, envelope(context.url() + path, data, page, rows.length));
}

/** Tells the test, then sends the page, the one before it again, or half of it. */
function sent({ faults, pages, listened }: Context, path: string, resource: Resource, data: object[], body: object) {
  const answer = jsonAnswer(200, body);
  for (const callback of listened) callback(resource, data.length);
  const previous = pages.get(path);
  const isRepeated = faults.takeTurn('repeatPageEvery') && previous !== undefined;
  const text = isRepeated ? previous : (answer.body ?? '');
  pages.set(path, text);
  return { ...answer, body: faults.takeTurn('truncateEvery') ? text.slice(0, Math.floor(text.length / 2)) : text };
}

function ownedBy({ field, id }: { field: string; id: number }): Condition {
  return { field, operator: '=', value: id, test: ({ row }) => Number(row[field]) === id };
}
