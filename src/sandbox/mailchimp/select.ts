/** Paths as a tree: `true` stands for everything below. */
type Tree = Map<string, Tree | true>;

/** What `fields` and `exclude_fields` leave of an answer; with `fields`, what is not named goes, `_links` included. */
export function selected(value: unknown, query: URLSearchParams): unknown {
  const [kept, dropped] = [treeOf(query.get('fields')), treeOf(query.get('exclude_fields'))];
  const picked = kept ? pick(value, kept) : value;
  return dropped ? omit(picked, dropped) : picked;
}

function treeOf(paths: string | null): Tree | undefined {
  if (!paths) return undefined;
  const root: Tree = new Map();
  for (const path of paths.split(',')) plant(root, path.trim().split('.'));
  return root;
}

function plant(tree: Tree, [name = '', ...rest]: string[]): void {
  const known = tree.get(name);
  if (known === true) return;
  if (rest.length === 0) return void tree.set(name, true);
  const below: Tree = known ?? new Map();
  tree.set(name, below);
  plant(below, rest);
}

function pick(value: unknown, tree: Tree): unknown {
  if (Array.isArray(value)) return value.map((one) => pick(one, tree));
  if (!isObject(value)) return value;
  const picked: Record<string, unknown> = {};
  for (const [name, below] of tree) {
    const inner = value[name];
    if (inner !== undefined) picked[name] = below === true ? inner : pick(inner, below);
  }
  return picked;
}

function omit(value: unknown, tree: Tree): unknown {
  if (Array.isArray(value)) return value.map((one) => omit(one, tree));
  if (!isObject(value)) return value;
  const kept: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    const below = tree.get(name);
    if (below !== true) kept[name] = below ? omit(inner, below) : inner;
  }
  return kept;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
