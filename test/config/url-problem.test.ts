import { expect, test } from '@jest/globals';
import { urlProblem } from '../../src/config/url-problem.js';

const cases: [url: string, isFine: boolean][] = [
  ['https://blog.example.org', true],
  ['https://blog.example.org/sub/', true],
  ['https://[2001:db8::1]/', true],
  ['http://127.0.0.1:2368', true],
  ['http://localhost:2368', true],
  ['http://[::1]:2368', true],
  ['http://ghost:2368', true],
  ['http://10.1.2.3', true],
  ['http://172.16.0.1', true],
  ['http://172.31.255.255', true],
  ['http://192.168.1.5', true],
  ['http://ghost.local', true],
  ['http://ghost.internal', true],
  ['http://blog.example.org', false],
  ['http://8.8.8.8', false],
  ['http://172.15.0.1', false],
  ['http://172.32.0.1', false],
  ['http://10.example.org', false],
  ['http://127.0.0.1.example.org', false],
  ['http://192.168.example.org', false],
  ['http://[2001:db8::1]/', false],
  ['http://local.example.org', false],
  ['https://user@blog.example.org', false],
  ['https://user:password@blog.example.org', false],
  ['ftp://blog.example.org', false],
  ['file:///etc/passwd', false],
  ['blog.example.org', false],
  ['//blog.example.org', false],
  ['', false],
];
test.each(cases)('%s: fine is %s', (url, isFine) => {
  expect(urlProblem(url) === undefined).toBe(isFine);
});
