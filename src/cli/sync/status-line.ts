/** One line on the terminal that is written anew in place; nothing where there is no terminal. */
export interface StatusLine {
  isShown: boolean;
  show(text: string): void;
  clear(): void;
}

const CLEAR = '\r\u001b[2K';

/** A status line on standard error. */
export function createStatusLine(stream: NodeJS.WriteStream = process.stderr): StatusLine {
  const isShown = stream.isTTY === true;
  return {
    isShown,
    show(text) {
      // a terminal may not know its width; a line that wraps could not be written over
      if (isShown) stream.write(`${CLEAR}${text.slice(0, (stream.columns || 80) - 1)}`);
    },
    clear() {
      if (isShown) stream.write(CLEAR);
    },
  };
}
