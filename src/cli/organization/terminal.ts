import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CliError, ExitCode } from '../exit.js';

/** Somebody who answers. Questions go to standard error: standard output holds the result alone. */
export interface Terminal {
  /** The answer, or the fallback for an empty one; asked again while `wrong` says what is wrong with it. */
  ask(question: string, options?: Question): Promise<string>;
  /** The same without echo. */
  askSecret(question: string, options?: Question): Promise<string>;
}

interface Question {
  /** Shown in brackets unless secret. */
  fallback?: string;
  /** Says what is wrong with an answer. */
  wrong?(answer: string): string | undefined;
}

/** Whether somebody is there to be asked. */
export const hasTerminal = (): boolean => process.stdin.isTTY === true;

/** Asks on the terminal; Ctrl-C and Ctrl-D end the command. */
export async function withTerminal<T>(work: (terminal: Terminal) => Promise<T>): Promise<T> {
  // what is typed ahead is not shown either: it may be a secret
  let isMuted = true;
  const output = new Writable({
    write(chunk, _encoding, done) {
      if (!isMuted) process.stderr.write(String(chunk));
      done();
    },
  });
  // no history: the arrow keys must not bring a secret back
  const lines = createInterface({ input: process.stdin, output, terminal: true, historySize: 0 });
  const typed: string[] = [];
  let isGone = false;
  let wake = (): void => undefined;
  lines.on('line', (line) => {
    isMuted = true;
    typed.push(line);
    wake();
  });
  const leave = (): void => {
    isGone = true;
    wake();
  };
  lines.on('SIGINT', leave).on('close', leave);

  const once = async (prompt: string, secret: boolean): Promise<string> => {
    lines.setPrompt(prompt);
    isMuted = false;
    lines.prompt();
    isMuted = secret;
    if (typed.length === 0 && !isGone)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    if (secret || isGone) process.stderr.write('\n');
    const line = typed.shift();
    if (line === undefined) throw new CliError('Nothing was changed.', ExitCode.Interrupted);
    return line.trim();
  };
  const ask = async (question: string, { fallback, wrong }: Question, secret: boolean): Promise<string> => {
    for (;;) {
      const shown = fallback && !secret ? ` [${fallback}]` : '';
      const answer = (await once(`${question}${shown}: `, secret)) || fallback;
      const problem = answer === undefined ? 'is needed' : wrong?.(answer);
      if (problem === undefined) return answer!;
      process.stderr.write(`  ${problem}\n`);
    }
  };
  try {
    return await work({
      ask: (question, options = {}) => ask(question, options, false),
      askSecret: (question, options = {}) => ask(question, options, true),
    });
  } finally {
    lines.close();
  }
}

/** Goes on when these words are typed. @throws CliError when nobody is there, or they are not */
export async function confirm(question: string, words: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!hasTerminal()) throw new CliError('Nobody is there to ask: add --yes.', ExitCode.Usage);
  const answer = await withTerminal((terminal) =>
    terminal.ask(`${question} Type ${words} to go on`, { fallback: 'no' }),
  );
  if (answer.toLowerCase() !== words) throw new CliError('Nothing was done.', ExitCode.Refused);
}
