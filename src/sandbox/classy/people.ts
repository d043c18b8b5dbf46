import { pick, type Random } from '../random.js';
import { stampOf } from './times.js';

const firstNames = [
  'Hannah',
  'Marisol',
  'José',
  'Zoë',
  'Søren',
  'Ngozi',
  'Łucja',
  'Tadhg',
  'Mei',
  '美咲',
  'Priya',
] as const;
const lastNames = [
  'Rosendo',
  'Müller',
  "O'Grady",
  'Nguyễn',
  'Okafor',
  'Ahlgrim',
  'García-Ruiz',
  'Færch',
  '佐藤',
] as const;
type City = [city: string, state: string | null, country: string, postalCode: string];
const cities: [City, ...City[]] = [
  ['San Diego', 'CA', 'US', '92101'],
  ['Portland', 'OR', 'US', '97205'],
  ['Austin', 'TX', 'US', '78701'],
  ['Montréal', 'QC', 'CA', 'H2X 1Y4'],
  ['München', null, 'DE', '80331'],
];
const origins = ['donation', 'donation', 'donation', 'registration', 'fundraiser', 'import'] as const;
const dayMs = 86_400_000;

/** Somebody who does not exist; `tag` makes the address at example.org unique. */
export function inventSupporter(random: Random, tag: string): Record<string, unknown> {
  const [first, last] = [pick(random, firstNames), pick(random, lastNames)];
  const hasName = random() >= 0.04;
  const [city, state, country, postal_code] = pick(random, cities);
  const hasAddress = random() < 0.6;
  return {
    email_address: random() < 0.01 ? null : `${localPart(first, last)}.${tag}@example.org`,
    first_name: hasName ? first : null,
    last_name: hasName ? last : null,
    phone: random() < 0.3 ? `619-555-0${100 + Math.floor(random() * 100)}` : null,
    ...(hasAddress && { address1: `${1 + Math.floor(random() * 900)} F Street`, city, state, country, postal_code }),
    opt_in: random() < 0.7,
    origin: pick(random, origins),
  };
}

/** When something came to be and when it was changed last: mostly seconds later, at times much later. */
export function inventTimes(random: Random, from: number, to: number): { created_at: string; updated_at: string } {
  const created = from + Math.floor(random() * (to - from));
  return { created_at: stampOf(new Date(created)), updated_at: stampOf(new Date(laterThan(random, created, to))) };
}

/** A moment after another: in nine of ten cases within half a minute. */
export function laterThan(random: Random, time: number, to: number): number {
  const soon = Math.min(to, time + 1_000 + Math.floor(random() * 29_000));
  return random() < 0.9 ? soon : Math.max(soon, time + Math.floor(random() * Math.min(to - time, 400 * dayMs)));
}

function localPart(first: string, last: string): string {
  const plain = `${first}.${last}`.normalize('NFKD').replace(/[^A-Za-z.]/g, '');
  return plain.replace(/^\.+|\.+$/g, '').toLowerCase() || 'friend';
}
