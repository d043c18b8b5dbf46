import { createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { verifySignature } from '../../src/vendors/ghost/signature.js';
import { capture, captures } from './captures.js';

const one = capture('member-added');
const hmac = (secret: string, ...parts: (Buffer | string)[]): string => {
  const mac = createHmac('sha256', secret);
  for (const part of parts) mac.update(part);
  return mac.digest('hex');
};
const minutes = 60_000;

describe('captured deliveries', () => {
  test('there are eleven', () => expect(captures).toHaveLength(11));

  test.each(captures.map((each) => [each.name, each] as const))(
    '%s is valid at its time',
    (_name, { signature, body, secret, t, headers }) => {
      expect(body).toHaveLength(Number(headers['content-length']));
      expect(verifySignature(signature, body, [secret], t)).toEqual({
        valid: true,
        signedAt: new Date(t),
        signature: signature.slice(7, 71),
      });
    },
  );

  test.each(captures.map((each) => [each.name, each] as const))(
    '%s with one byte changed is wrong',
    (_name, { signature, body, secret, t }) => {
      const changed = Buffer.from(body);
      changed[20] = changed[20]! ^ 1;
      expect(verifySignature(signature, changed, [secret], t)).toEqual({ valid: false, reason: 'wrong' });
    },
  );
});

describe('secrets', () => {
  const cases: [name: string, secrets: string[], isValid: boolean][] = [
    ['the only one', [one.secret], true],
    ['the first of two, while the old one is rotated out', [one.secret, 'old'], true],
    ['the second of two, while Ghost still signs with the old one', ['new', one.secret], true],
    ['none that fits', ['new', 'old'], false],
    ['no secret at all', [], false],
    ['an empty secret', [''], false],
    ['the secret in other letters', [one.secret.toUpperCase()], false],
  ];
  test.each(cases)('%s', (_name, secrets, isValid) => {
    expect(verifySignature(one.signature, one.body, secrets, one.t).valid).toBe(isValid);
  });

  test('are used as typed, in UTF-8', () => {
    const header = `sha256=${hmac('geheimnis-ß-€', one.body, String(one.t))}, t=${one.t}`;
    expect(verifySignature(header, one.body, ['geheimnis-ß-€'], one.t).valid).toBe(true);
  });
});

describe('the window of five minutes', () => {
  const cases: [name: string, offsetMs: number, reason: string | undefined][] = [
    ['now', 0, undefined],
    ['exactly five minutes old', 5 * minutes, undefined],
    ['five minutes and a millisecond old', 5 * minutes + 1, 'late'],
    ['exactly five minutes ahead', -5 * minutes, undefined],
    ['five minutes and a millisecond ahead', -5 * minutes - 1, 'late'],
    ['a year old', 365 * 24 * 60 * minutes, 'late'],
  ];
  test.each(cases)('%s', (_name, offsetMs, reason) => {
    const verdict = verifySignature(one.signature, one.body, [one.secret], one.t + offsetMs);
    expect(verdict.valid ? undefined : verdict.reason).toBe(reason);
  });

  test('a wrong signature is wrong whatever its time, so only well signed ones count as late', () => {
    expect(verifySignature(one.signature, one.body, ['other'], one.t + 9 * minutes)).toEqual({
      valid: false,
      reason: 'wrong',
    });
  });
});

describe('headers', () => {
  const hex = one.signature.slice(7, 71);
  const { t } = one;
  const cases: [name: string, header: string | undefined, reason: string | undefined][] = [
    ['as Ghost writes it', `sha256=${hex}, t=${t}`, undefined],
    ['without a space', `sha256=${hex},t=${t}`, undefined],
    ['with spaces around', `  sha256=${hex},  t=${t} `, undefined],
    ['hex in capitals', `sha256=${hex.toUpperCase()}, t=${t}`, undefined],
    ['of Ghost before 5.87.1, which signed the body alone', `sha256=${hmac(one.secret, one.body)}, t=${t}`, 'wrong'],
    ['without t', `sha256=${hex}`, 'malformed'],
    ['with a t that was not signed', `sha256=${hex}, t=${t + 1}`, 'wrong'],
    ['with a t in words', `sha256=${hex}, t=now`, 'malformed'],
    ['with a negative t', `sha256=${hex}, t=-${t}`, 'malformed'],
    ['with a t too long to be a time', `sha256=${hex}, t=${'9'.repeat(40)}`, 'malformed'],
    ['with t first', `t=${t}, sha256=${hex}`, 'malformed'],
    ['of another algorithm', `sha1=${hex}, t=${t}`, 'malformed'],
    ['too short', `sha256=${hex.slice(2)}, t=${t}`, 'malformed'],
    ['too long', `sha256=${hex}00, t=${t}`, 'malformed'],
    ['not hex', `sha256=${'z'.repeat(64)}, t=${t}`, 'malformed'],
    ['empty', '', 'malformed'],
    ['twice', `sha256=${hex}, t=${t}, sha256=${hex}, t=${t}`, 'malformed'],
    ['absent', undefined, 'missing'],
  ];
  test.each(cases)('%s', (_name, header, reason) => {
    const verdict = verifySignature(header, one.body, [one.secret], one.t);
    expect(verdict.valid ? undefined : verdict.reason).toBe(reason);
  });

  test('a signature in capitals is known under the same text, so that a repeat is a repeat', () => {
    const verdict = verifySignature(`sha256=${hex.toUpperCase()}, t=${t}`, one.body, [one.secret], t);
    expect(verdict).toMatchObject({ signature: hex });
  });
});
