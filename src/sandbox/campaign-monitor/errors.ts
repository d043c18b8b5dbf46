import type { Answer } from '../stand-in.js';

const table: Record<number, [status: number, message: string]> = {
  1: [400, 'Invalid Email Address'],
  5: [400, 'Invalid Date'],
  100: [401, 'Invalid API Key'],
  101: [401, 'Invalid ListID'],
  102: [401, 'Invalid ClientID'],
  120: [401, 'Invalid OAuth Token'],
  201: [400, 'New email address is already on the list'],
  203: [400, 'Subscriber not in list'],
  204: [400, 'In Suppression List'],
  205: [400, 'Is Deleted'],
  206: [400, 'Is Unsubscribed'],
  207: [400, 'Is Bounced'],
  208: [400, 'Is Unconfirmed'],
  209: [400, 'More than 1000 subscribers in one import'],
  210: [400, 'Subscriber Import had some failures'],
  211: [400, 'Invalid new email address'],
  212: [400, 'No subscribers in the import'],
  214: [400, 'ConsentToTrack value is missing'],
  215: [400, 'ConsentToTrack value is invalid'],
  220: [400, 'Invalid mobile number'],
  221: [400, 'Invalid email address and mobile number'],
  253: [400, 'Custom field key is invalid or unknown'],
  254: [400, 'Field name is invalid'],
  255: [400, 'Field key already exists'],
  256: [400, 'Options are not allowed for this type of field'],
  257: [400, 'Options are missing'],
  259: [400, 'Data type is invalid'],
  400: [400, 'Failed to deserialize your request'],
  404: [404, 'Not Found'],
  429: [429, 'Subscriber was added too many times too quickly, try again later.'],
  500: [500, 'Internal server error'],
  503: [503, 'Service Unavailable'],
  800: [400, 'Invalid page number'],
  801: [400, 'Invalid page size'],
  802: [400, 'Invalid order field'],
  803: [400, 'Invalid order direction'],
};

/** The body of an error: code and message only, as in the vendor's table. */
export function errorBody(code: number): { Code: number; Message: string } {
  return { Code: code, Message: table[code]?.[1] ?? 'Unknown error' };
}

/** Ends a request with an error of the table; `detail` is added to the message so that a developer sees why. */
export class Refusal extends Error {
  constructor(
    readonly code: number,
    readonly detail?: string,
  ) {
    super(`Campaign Monitor refuses with code ${code}`);
  }

  answer(): Answer {
    const { Code, Message } = errorBody(this.code);
    return jsonAnswer(table[this.code]?.[0] ?? 400, {
      Code,
      Message: this.detail ? `${Message}: ${this.detail}` : Message,
    });
  }
}

/** A JSON answer; `undefined` makes an empty body. */
export function jsonAnswer(status: number, value: unknown): Answer {
  if (value === undefined) return { status };
  return { status, headers: { 'content-type': 'application/json; charset=utf-8' }, body: JSON.stringify(value) };
}

/** The same answer as XML, which the vendor gives to paths that do not end in `.json`; good enough to be unreadable as JSON. */
export function asXml(answer: Answer): Answer {
  if (!answer.body) return answer;
  const body = `<?xml version="1.0" encoding="utf-8"?>${xml('Result', JSON.parse(answer.body))}`;
  return { status: answer.status, headers: { 'content-type': 'application/xml; charset=utf-8' }, body };
}

function xml(tag: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((item) => xml(tag, item)).join('');
  const inner =
    typeof value === 'object' && value !== null
      ? Object.entries(value)
          .map(([name, item]) => xml(name, item))
          .join('')
      : String(value).replace(/[<>&]/g, (char) => `&#${char.charCodeAt(0)};`);
  return `<${tag}>${inner}</${tag}>`;
}
