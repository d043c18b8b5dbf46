import { isIP } from 'node:net';

/** What is wrong with a URL that secrets are sent to, if anything: it must be https unless it stays on this machine or network. */
export function urlProblem(value: string): string | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  // what may hold a password is not quoted
  const quoted = value.includes('@') ? '' : `is "${value}" but `;
  if (!url || !['http:', 'https:'].includes(url.protocol))
    return `${quoted}must be a URL like https://blog.example.org`;
  if (url.username !== '' || url.password !== '') return 'holds a user name or password: leave them out';
  if (url.protocol === 'http:' && !isNear(url.hostname)) return `${quoted}must begin with https://`;
  return undefined;
}

/** Loopback, private networks and names that only a local network knows. */
function isNear(host: string): boolean {
  if (host.startsWith('[')) return /^\[(::1|f[cd][0-9a-f]{2}:.*|fe[89ab][0-9a-f]:.*)\]$/.test(host);
  if (isIP(host) === 4) return /^(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(host);
  return !host.includes('.') || host.endsWith('.local') || host.endsWith('.internal') || host.endsWith('.localhost');
}
