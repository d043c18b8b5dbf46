/** Exit codes of every command; `Interrupted` is what shells say of one that Ctrl-C ended. */
export const ExitCode = { Done: 0, Failed: 1, Usage: 2, Partly: 3, Refused: 4, Interrupted: 130 } as const;

/** An error with the exit code it ends the command with; its message says what to do. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = ExitCode.Failed) {
    super(message);
    this.exitCode = exitCode;
  }
}
