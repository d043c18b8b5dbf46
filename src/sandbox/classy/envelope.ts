import type { Row } from './collection.js';
import { invalidParameter } from './errors.js';

const defaultPerPage = 20;
const largestPerPage = 100;
const nearby = 3;

/** The page a request asks for. */
export interface Page {
  page: number;
  perPage: number;
}

/** Reads `page` and `per_page`: 20 unless asked otherwise, 100 at most; what is not a positive number is a 400. */
export function pageOf(query: URLSearchParams): Page {
  const perPage = Math.min(positive(query, 'per_page', defaultPerPage), largestPerPage);
  return { page: positive(query, 'page', 1), perPage };
}

/** The answer of a list; `path` is the address of the list, `data` its rows on this page. */
export function envelope(path: string, data: unknown[], { page, perPage }: Page, total: number): object {
  const last = Math.max(1, Math.ceil(total / perPage));
  const url = (number: number) => `${path}?per_page=${perPage}&page=${number}`;
  const [next, previous] = [page < last ? url(page + 1) : null, page > 1 ? url(page - 1) : null];
  const from = data.length === 0 ? null : (page - 1) * perPage + 1;
  return {
    current_page: page,
    data,
    first_page_url: url(1),
    from,
    last_page: last,
    last_page_url: url(last),
    links: [
      { url: previous, label: '&laquo; Previous', active: false },
      ...numbers(page, last).map((number) =>
        number === undefined
          ? { url: null, label: '...', active: false }
          : { url: url(number), label: String(number), active: number === page },
      ),
      { url: next, label: 'Next &raquo;', active: false },
    ],
    next_page_url: next,
    path,
    per_page: perPage,
    prev_page_url: previous,
    to: from === null ? null : from + data.length - 1,
    total,
  };
}

/** Where the rows of a page are in the whole list. */
export function rowsOf({ page, perPage }: Page, slice: (from: number, to: number) => Row[]): Row[] {
  return slice((page - 1) * perPage, page * perPage);
}

/** The first and last two pages and those around the current one; undefined where some are left out. */
function numbers(page: number, last: number): (number | undefined)[] {
  const around = Array.from({ length: 2 * nearby + 1 }, (_, index) => page - nearby + index);
  const shown = [...new Set([1, 2, ...around, last - 1, last])].filter((one) => one >= 1 && one <= last);
  shown.sort((a, b) => a - b);
  return shown.flatMap((one, index) => {
    const before = shown[index - 1];
    return before !== undefined && before < one - 1 ? [undefined, one] : [one];
  });
}

function positive(query: URLSearchParams, name: string, fallback: number): number {
  const text = query.get(name);
  if (text === null) return fallback;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw invalidParameter(name);
  return Number(text);
}
