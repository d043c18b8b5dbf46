/** Parses JSON, without the characters that Postgres cannot hold (NUL, lone surrogates). @throws SyntaxError */
export const parseStorable = (text: string): unknown => JSON.parse(text, storable);

/**
 * Numbers with more digits than a double holds (15) become text, so that no amount and no id is rounded. A word between quotes
 * before a colon can only be a key in JSON, so nothing within a text is touched.
 */
export const keepLongNumbers = (text: string): string =>
  text.replace(/("\w+"\s*:\s*)(-?\d[\d.eE+-]{15,})(?=\s*[,}\]])/g, '$1"$2"');

function storable(_key: string, value: unknown): unknown {
  if (typeof value === 'string') return clean(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const dirty = Object.keys(value).some((key) => clean(key) !== key);
  return dirty ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [clean(key), inner])) : value;
}

const clean = (text: string): string => text.replaceAll('\0', '').toWellFormed();
