/** What is wrong with a URL that secrets are sent to, if anything: it must be https unless it stays on this machine or network. */
export function urlProblem(value: string): string | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) return `is "${value}" but must be a URL like https://blog.example.org`;
  if (url.username !== '' || url.password !== '') return 'holds a user name or password: leave them out';
  if (url.protocol === 'http:' && !isNear(url.hostname)) return `is "${value}" but must begin with https://`;
  return undefined;
}

/** Loopback, private networks and names without a dot. */
const isNear = (host: string): boolean =>
  host === '[::1]' || !host.includes('.') || /^(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(host) || host.endsWith('.local') || host.endsWith('.internal');
