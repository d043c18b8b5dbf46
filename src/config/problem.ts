/** One thing that is wrong with the configuration. */
export interface ConfigProblem {
  /** Variable or key. */
  where: string;
  /** What is wrong and what to do. Secrets masked. */
  what: string;
}

/** A configuration that cannot be used, with everything that is wrong with it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ where, what }) => `  ${where}: ${what}`);
    super(`The configuration has ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n${lines.join('\n')}`);
    this.problems = problems;
  }
}

/** A secret as it may be shown: its first characters, so that somebody can tell which one it is. */
export const mask = (secret: string): string => (secret.length <= 8 ? '****' : `${secret.slice(0, 4)}****`);
