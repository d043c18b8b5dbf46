/** Parses JSON, without the characters that Postgres cannot hold (NUL, lone surrogates). @throws SyntaxError */
export const parseStorable = (text: string): unknown => JSON.parse(text, storable);

function storable(_key: string, value: unknown): unknown {
  if (typeof value === 'string') return clean(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const dirty = Object.keys(value).some((key) => clean(key) !== key);
  return dirty ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [clean(key), inner])) : value;
}

const clean = (text: string): string => text.replaceAll('\0', '').toWellFormed();
