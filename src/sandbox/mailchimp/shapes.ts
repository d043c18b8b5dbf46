import type { AudienceState } from './audience.js';
import type { SandboxMember } from './member.js';
import type { SandboxMergeField } from './merge-fields.js';
import { readValues } from './merge-values.js';
import type { SandboxTag } from './tags.js';
import { stampOf } from './times.js';

const shownTags = 50;

/** A link of `_links`. */
export function selfLink(url: string): object[] {
  return [{ rel: 'self', href: url, method: 'GET' }];
}

/** A member as the API shows one: at most 50 of the tags, every merge field of the audience. */
export function memberShape(audience: AudienceState, member: SandboxMember, url: string): object {
  const { hash, email, details, permissions } = member;
  const { latitude, longitude, email_type, language, vip, interests, ...rest } = details;
  const merge_fields = readValues(audience.mergeFields.list, member.mergeFields);
  const texts = audience.marketingPermissions;
  return {
    ...{ id: hash, email_address: email, unique_email_id: hash.slice(0, 10), contact_id: contactId(member) },
    full_name: [merge_fields['FNAME'], merge_fields['LNAME']].filter(Boolean).join(' '),
    ...{
      web_id: member.webId,
      email_type,
      status: member.status,
      consents_to_one_to_one_messaging: true,
      merge_fields,
    },
    ...{ interests, stats: { avg_open_rate: 0, avg_click_rate: 0 }, ...rest, member_rating: 2 },
    ...{ last_changed: stampOf(member.changedAt), language, vip, email_client: '' },
    location: { latitude, longitude, gmtoff: 0, dstoff: 0, country_code: '', timezone: '', region: '' },
    ...(texts.length > 0 && {
      marketing_permissions: texts.map(({ id, text }) => ({
        ...{ marketing_permission_id: id, text, enabled: permissions.includes(id) },
      })),
    }),
    ...{ source: member.source, tags_count: member.tags.length },
    tags: member.tags.slice(0, shownTags).map(({ tag: { id, name } }) => ({ id, name })),
    ...{ list_id: audience.id, _links: selfLink(`${url}/lists/${audience.id}/members/${hash}`) },
  };
}

/** A member as segment calls show one. */
export function segmentMemberShape(audience: AudienceState, { hash, email, status }: SandboxMember): object {
  return { id: hash, email_address: email, status, list_id: audience.id };
}

export function audienceShape(audience: AudienceState, url: string): object {
  const { counts, byHash, mergeFields, id, name } = audience;
  const { subscribed = 0, unsubscribed = 0, cleaned = 0 } = counts;
  return {
    ...{ id, web_id: 1, name, permission_reminder: '', use_archive_bar: true },
    ...{
      notify_on_subscribe: '',
      notify_on_unsubscribe: '',
      date_created: stampOf(audience.createdAt),
      list_rating: 3,
    },
    ...{ email_type_option: false, subscribe_url_short: '', subscribe_url_long: '', beamer_address: '' },
    ...{ visibility: 'prv', double_optin: audience.doubleOptin, has_welcome: false },
    ...{ marketing_permissions: audience.marketingPermissions.length > 0, modules: [] },
    stats: {
      ...{ member_count: subscribed, total_contacts: byHash.size, unsubscribe_count: unsubscribed },
      ...{ cleaned_count: cleaned, merge_field_count: mergeFields.list.length, campaign_count: 0 },
    },
    _links: selfLink(`${url}/lists/${id}`),
  };
}

export function mergeFieldShape(audience: AudienceState, field: SandboxMergeField, url: string): object {
  const href = `${url}/lists/${audience.id}/merge-fields/${field.merge_id}`;
  return { ...field, list_id: audience.id, _links: selfLink(href) };
}

/** A tag as the segment it is; `member_count` counts all who hold it, whatever their status. */
export function segmentShape(audience: AudienceState, tag: SandboxTag, url: string): object {
  return {
    ...{ id: tag.id, name: tag.name, member_count: tag.held, type: tag.kind },
    ...{ created_at: stampOf(tag.createdAt), updated_at: stampOf(tag.updatedAt) },
    ...{ list_id: audience.id, _links: selfLink(`${url}/lists/${audience.id}/segments/${tag.id}`) },
  };
}

/** Stays when the address changes. */
function contactId({ webId }: SandboxMember): string {
  return webId.toString(16).padStart(32, '0');
}
