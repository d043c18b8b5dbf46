import type { z } from 'zod';
import { VendorError, type VendorErrorDetails } from '../errors.js';
import type { FailureReader, HttpAnswer } from '../http.js';
import { classifyMemberError, type MemberErrorReason } from './classify-member-error.js';
import { problemSchema } from './schema.js';

type Problem = z.infer<typeof problemSchema>;

/** What a request is about, and so what a 404 says is missing. */
export type Subject = 'audience' | 'one of it';

/** Most names of fields in one error. */
const MOST_FIELDS = 10;

/** The failure that an answer 4xx is. Not MailChimp's own words: the edge in front of it, or another site. */
export function refusal(operation: string, { status, headers, json }: HttpAnswer, subject: Subject): VendorError {
  const problem = problemSchema.safeParse(json).data;
  const refused = status === 401 || (problem && (status === 403 || (status === 404 && subject === 'audience')));
  return new VendorError({
    vendor: 'mailchimp',
    operation,
    kind: refused ? 'refused' : problem ? 'rejected' : 'down',
    call: 'answered',
    status,
    ...facts(headers, problem),
  });
}

/** An answer that is not the vendor's own: something else answers in its place. */
export const notItsOwn = (operation: string, status: number): VendorError =>
  new VendorError({ vendor: 'mailchimp', operation, kind: 'down', call: 'unknown', status });

/** Tells the edge in front of MailChimp from MailChimp, and a method that was switched off from an outage. */
export const readFailure: FailureReader = (headers, text) => {
  const problem = problemIn(text);
  if (!problem) return { kind: 'down', ...facts(headers, problem) };
  // "This method has been disabled.": for the account, until its owner has talked to MailChimp
  if (problem.title === 'ComplianceRelated') return { kind: 'refused', ...facts(headers, problem) };
  return facts(headers, problem);
};

/** Which item of a batch broke the whole call, where MailChimp names one. */
export function brokenItem({ details: { fields = [] } }: VendorError): number | undefined {
  for (const field of fields) {
    const [, index] = /^members\.item:(\d+)(\.|$)/.exec(field) ?? [];
    if (index !== undefined) return Number(index);
  }
  return undefined;
}

/** Why one person was declined. */
export const reasonOf = ({ details: { reason } }: VendorError): MemberErrorReason =>
  (reason as MemberErrorReason | undefined) ?? 'unknown';

/** A word of MailChimp's that holds no personal data; `detail` and messages do. */
export const safeWord = (text: string | null | undefined): string | undefined =>
  /^[\w .:[\]-]{1,80}$/.test(text ?? '') ? text! : undefined;

function facts(headers: HttpAnswer['headers'], problem: Problem | undefined): Partial<VendorErrorDetails> {
  const requestId = safeWord(problem?.instance) ?? safeWord(headers.get('x-request-id'));
  if (!problem) return { requestId };
  const fields = (problem.errors ?? []).map(({ field }) => safeWord(field)).filter((field) => field !== undefined);
  return {
    code: safeWord(problem.title) ?? 'PROBLEM',
    reason: reasonIn(problem),
    fields: fields.slice(0, MOST_FIELDS),
    requestId,
  };
}

function reasonIn({ title, detail, errors }: Problem): MemberErrorReason {
  const rows = errors ?? [];
  const texts = [title, detail, ...rows.map(({ message }) => message)];
  const reason = classifyMemberError(texts.join(' '), rows[0]?.field ?? undefined);
  // a taken address is told by the field alone
  const isAddress = rows.some(({ field }) => /^e-?mail.?address$/i.test(field ?? ''));
  return reason === 'unknown' && isAddress ? 'exists' : reason;
}

function problemIn(text: string): Problem | undefined {
  try {
    return problemSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
