import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { isRejected, VendorError } from '../errors.js';
import { createHttp, type HttpAnswer, type HttpOptions, type HttpRequest } from '../http.js';
import { classifyMemberError, type MemberErrorReason } from './classify-member-error.js';
import { notItsOwn, readFailure, refusal, type Subject, safeWord } from './errors.js';
import {
  audienceSchema,
  batchResultSchema,
  MEMBER_FIELDS,
  type MemberView,
  memberSchema,
  mergeFieldSchema,
  pageSchema,
  pingSchema,
  segmentResultSchema,
  segmentSchema,
  tagSchema,
} from './schema.js';

/** Where MailChimp is and how to open it. */
export interface MailchimpOptions extends HttpOptions {
  /** Base URL with version; default: that of the key's data centre. */
  url?: string | undefined;
  apiKey: string;
}

/** The part of MailChimp's API that we use. All methods throw `VendorError`. */
export type MailchimpClient = ReturnType<typeof createMailchimpClient>;

/** Values by merge tag; '' clears. */
export type MergeValues = Record<string, string | number>;

/** One person of a batch. */
export interface BatchMember {
  email: string;
  mergeFields: MergeValues;
}

/** What became of a batch: each person is in one of the three, unless MailChimp told nothing of them. */
export interface BatchResult {
  created: MemberView[];
  updated: MemberView[];
  errors: { email: string; reason: MemberErrorReason; code: string | undefined; field: string | undefined }[];
}

/** What became of a segment call; people of whom nothing is told were in it, or out of it, already, or are not in the audience. */
export interface SegmentResult {
  added: string[];
  removed: string[];
  errors: { emails: string[]; reason: MemberErrorReason }[];
}

/** Most members in one batch, and most additions and most removals in one segment call. */
export const BATCH_SIZE = 500;

/** Most entries in one page; more is cut in silence. */
export const PAGE_SIZE = 1000;

/** The data centre that a key names in its suffix (`…-us21`). */
export const dataCentreOf = (apiKey: string): string | undefined =>
  /-([a-z]+\d+)$/i.exec(apiKey.trim())?.[1]?.toLowerCase();

interface Request {
  query?: Record<string, string>;
  body?: unknown;
  /** Default `audience`. */
  about?: Subject | undefined;
}

/** A client of MailChimp with one key. */
export function createMailchimpClient({ url, apiKey, ...options }: MailchimpOptions) {
  const http = createHttp('mailchimp', options, readFailure);
  const base = baseUrl(url, apiKey);
  const authorization = `Basic ${Buffer.from(`steward:${apiKey}`).toString('base64')}`;

  const call = async (
    operation: string,
    method: HttpRequest['method'],
    path: string,
    { query = {}, body, about = 'audience' }: Request = {},
  ): Promise<HttpAnswer> => {
    if (base === undefined)
      throw new VendorError({
        vendor: 'mailchimp',
        operation,
        kind: 'refused',
        call: 'not-sent',
        code: 'NO_DATA_CENTRE',
      });
    const parameters = new URLSearchParams(query).toString();
    const target = `${base}${path}${parameters && `?${parameters}`}`;
    const answer = await http({ operation, method, url: target, headers: { authorization }, body });
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw refusal(operation, answer, about);
  };
  const ask = async <T>(
    operation: string,
    method: HttpRequest['method'],
    path: string,
    schema: z.ZodType<T>,
    request?: Request,
  ): Promise<T> => {
    const { status, json } = await call(operation, method, path, request);
    const parsed = schema.safeParse(json);
    if (parsed.success) return parsed.data;
    throw notItsOwn(operation, status);
  };
  const readAll = async <T extends z.ZodType>(
    operation: string,
    path: string,
    collection: string,
    row: T,
    { query, ...request }: Request,
  ): Promise<z.output<T>[]> => {
    const all: z.output<T>[] = [];
    for (let offset = 0; ; ) {
      const paged = { ...request, query: { ...query, count: String(PAGE_SIZE), offset: String(offset) } };
      const page = await ask(operation, 'GET', path, pageSchema(collection, row), paged);
      all.push(...page.rows);
      offset += page.length;
      if (page.length === 0 || offset >= page.total) return all;
    }
  };

  return {
    /** Answers when MailChimp answers this key. */
    async ping(): Promise<void> {
      await ask('ping', 'GET', '/ping', pingSchema);
    },

    /** Settings and figures of an audience. */
    async readAudience(listId: string) {
      const fields = 'id,name,double_optin,stats.member_count,stats.unsubscribe_count,stats.cleaned_count';
      const { id, name, double_optin, stats } = await ask('lists.read', 'GET', list(listId), audienceSchema, {
        query: { fields },
      });
      return {
        id,
        name,
        doubleOptIn: double_optin,
        memberCount: stats?.member_count ?? 0,
        unsubscribeCount: stats?.unsubscribe_count ?? 0,
        cleanedCount: stats?.cleaned_count ?? 0,
      };
    },

    /** All merge fields of an audience. */
    readMergeFields: (listId: string) =>
      readAll('merge-fields.list', `${list(listId)}/merge-fields`, 'merge_fields', mergeFieldSchema, {
        query: { fields: `${prefixed('merge_fields', ['tag', 'name', 'type', 'required', 'options'])},total_items` },
      }),

    /** Creates a merge field that nobody sees on forms; a taken tag is `rejected` with reason `exists`. */
    async createMergeField(listId: string, field: { tag: string; name: string; type: string }): Promise<void> {
      const { tag, name, type } = field;
      const body = { tag, name, type, public: false, required: false };
      await ask('merge-fields.create', 'POST', `${list(listId)}/merge-fields`, mergeFieldSchema, { body });
    },

    /** Adds or updates up to 500 different people; nobody's status changes but that of new ones, who are subscribed. */
    async upsertMembers(listId: string, members: readonly BatchMember[]): Promise<BatchResult> {
      if (members.length > BATCH_SIZE) throw new RangeError(`${members.length} members in one batch`);
      const body = {
        members: members.map(({ email, mergeFields }) => ({
          email_address: email,
          status_if_new: 'subscribed',
          merge_fields: mergeFields,
        })),
        update_existing: true,
        // true would take away everybody else's tags
        sync_tags: false,
      };
      const query = {
        skip_merge_validation: 'true',
        skip_duplicate_check: 'false',
        fields: [prefixed('new_members', MEMBER_FIELDS), prefixed('updated_members', MEMBER_FIELDS), 'errors'].join(),
      };
      const result = await ask('members.batch', 'POST', list(listId), batchResultSchema, { query, body });
      return {
        created: result.new_members,
        updated: result.updated_members,
        errors: result.errors.map(({ email_address: email, error, error_code, field, field_message }) => ({
          email,
          reason: classifyMemberError(`${error_code ?? ''} ${error} ${field_message ?? ''}`, field ?? undefined),
          code: safeWord(error_code),
          field: safeWord(field),
        })),
      };
    },

    /** One member in any state; undefined when there is none, or no such audience, which MailChimp does not tell apart. */
    async readMember(listId: string, email: string): Promise<MemberView | undefined> {
      try {
        const query = { fields: MEMBER_FIELDS.join() };
        return await ask('members.read', 'GET', member(listId, email), memberSchema, { query, about: 'one of it' });
      } catch (error) {
        if (isAbsence(error)) return undefined;
        throw error;
      }
    },

    /** Names of all tags of a member. */
    async readTags(listId: string, email: string): Promise<string[]> {
      const request = { query: { fields: 'tags.name,total_items' }, about: 'one of it' } as const;
      const tags = await readAll('members.tags', `${member(listId, email)}/tags`, 'tags', tagSchema, request);
      return [...new Set(tags.map(({ name }) => name))];
    },

    /** Gives the member at `from` another address and its merge fields, keeping tags and status; a taken address is reason `exists`. */
    async changeAddress(listId: string, from: string, to: BatchMember): Promise<MemberView> {
      const body = { email_address: to.email, merge_fields: to.mergeFields };
      return ask('members.move', 'PATCH', member(listId, from), memberSchema, { ...cutMember, body });
    },

    /** Unsubscribes a member. */
    async unsubscribe(listId: string, email: string): Promise<MemberView> {
      const body = { status: 'unsubscribed' };
      return ask('members.unsubscribe', 'PATCH', member(listId, email), memberSchema, { ...cutMember, body });
    },

    /** Archives a member; one that is archived, bounced or pending stays as it is. */
    async archive(listId: string, email: string): Promise<void> {
      try {
        await call('members.archive', 'DELETE', member(listId, email), { about: 'one of it' });
      } catch (error) {
        if (!isRejected(error) || error.details.status !== 405) throw error;
      }
    },

    /**
     * A page of members, longest unchanged first. Archived ones only with that status. `sinceLastChanged` is exclusive and
     * cut to its second: go back a minute. `length` counts those too that cannot be read.
     */
    async listMembers(
      listId: string,
      page: { count: number; offset: number; status?: string | undefined; sinceLastChanged?: Date | undefined },
    ): Promise<{ members: MemberView[]; length: number; total: number }> {
      const { count, offset, status, sinceLastChanged } = page;
      if (count > PAGE_SIZE) throw new RangeError(`${count} members in one page`);
      const query = {
        count: String(count),
        offset: String(offset),
        sort_field: 'last_changed',
        sort_dir: 'ASC',
        fields: `${prefixed('members', MEMBER_FIELDS)},total_items`,
        ...(status && { status }),
        ...(sinceLastChanged && { since_last_changed: `${sinceLastChanged.toISOString().slice(0, 19)}Z` }),
      };
      const schema = pageSchema('members', memberSchema);
      const { rows, length, total } = await ask('members.list', 'GET', `${list(listId)}/members`, schema, { query });
      return { members: rows, length, total };
    },

    /** All static segments, which are the tags of an audience. */
    readSegments: (listId: string) =>
      readAll('segments.list', `${list(listId)}/segments`, 'segments', segmentSchema, {
        query: { type: 'static', fields: 'segments.id,segments.name,total_items' },
      }),

    /** Creates a tag that nobody has. */
    createSegment: (listId: string, name: string) =>
      ask('segments.create', 'POST', `${list(listId)}/segments`, segmentSchema, {
        query: { fields: 'id,name' },
        body: { name, static_segment: [] },
      }),

    /** Gives a tag to up to 500 people and takes it from up to 500 others; may set off automations. */
    async changeSegment(
      listId: string,
      segmentId: number,
      { add, remove }: { add: readonly string[]; remove: readonly string[] },
    ): Promise<SegmentResult> {
      const most = Math.max(add.length, remove.length);
      if (most > BATCH_SIZE) throw new RangeError(`${most} people in one segment call`);
      const path = `${list(listId)}/segments/${segmentId}`;
      const result = await ask('segments.change', 'POST', path, segmentResultSchema, {
        query: { fields: 'members_added.email_address,members_removed.email_address,errors' },
        body: { members_to_add: add, members_to_remove: remove },
        about: 'one of it',
      });
      return {
        added: result.members_added.map(({ email_address: email }) => email),
        removed: result.members_removed.map(({ email_address: email }) => email),
        errors: (result.errors ?? []).map(({ email_addresses: emails, error }) => ({
          emails,
          reason: classifyMemberError(error),
        })),
      };
    },

    /** Gives and takes tags of one member; `quiet` keeps tag automations from starting. */
    async changeTags(
      listId: string,
      email: string,
      changes: readonly { name: string; active: boolean }[],
      { quiet }: { quiet: boolean },
    ): Promise<void> {
      const tags = changes.map(({ name, active }) => ({ name, status: active ? 'active' : 'inactive' }));
      const body = { tags, is_syncing: quiet };
      await call('members.tags.change', 'POST', `${member(listId, email)}/tags`, { body, about: 'one of it' });
    },
  };
}

function baseUrl(url: string | undefined, apiKey: string): string | undefined {
  if (url !== undefined) return url.replace(/\/+$/, '');
  const dataCentre = dataCentreOf(apiKey);
  return dataCentre && `https://${dataCentre}.api.mailchimp.com/3.0`;
}

const list = (listId: string): string => `/lists/${encodeURIComponent(listId)}`;

const member = (listId: string, email: string): string => {
  const hash = createHash('md5').update(email.trim().toLowerCase()).digest('hex');
  return `${list(listId)}/members/${hash}`;
};

const prefixed = (collection: string, fields: readonly string[]): string =>
  fields.map((field) => `${collection}.${field}`).join();

/** Query of a change of one member; required merge fields of the audience must not stop it. */
const cutMember = {
  query: { skip_merge_validation: 'true', fields: MEMBER_FIELDS.join() },
  about: 'one of it',
} as const;

const isAbsence = (error: unknown): boolean => isRejected(error) && error.details.status === 404;
