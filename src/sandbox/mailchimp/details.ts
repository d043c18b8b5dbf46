import type { AudienceState } from './audience.js';
import type { MemberBody } from './bodies.js';
import { notValidated } from './errors.js';
import type { MemberDetails, SandboxMember } from './member.js';
import { stampOf, timeOf } from './times.js';

const plain = ['email_type', 'language', 'vip', 'ip_signup', 'ip_opt'] as const satisfies (keyof MemberDetails)[];
const times = ['timestamp_signup', 'timestamp_opt'] as const satisfies (keyof MemberDetails)[];

/** 400 for a marketing permission that the audience does not have. */
export function checkPermissions(audience: AudienceState, { marketing_permissions = [] }: MemberBody): void {
  const known = audience.marketingPermissions.map(({ id }) => id);
  if (marketing_permissions.every(({ marketing_permission_id = '' }) => known.includes(marketing_permission_id)))
    return;
  throw notValidated([{ field: 'marketing_permissions', message: 'The marketing permission does not exist' }]);
}

/** Stores what a write says besides address, status, merge fields and tags; true when any of it is new. */
export function applyDetails(member: SandboxMember, body: MemberBody): boolean {
  const { details } = member;
  const before = JSON.stringify([details, member.permissions]);
  for (const name of plain) if (body[name] !== undefined) Object.assign(details, { [name]: body[name] });
  for (const name of times) if (body[name]) details[name] = stampOf(timeOf(body[name]));
  if (body.interests) details.interests = { ...details.interests, ...body.interests };
  if (body.location?.latitude !== undefined) details.latitude = Number(body.location.latitude);
  if (body.location?.longitude !== undefined) details.longitude = Number(body.location.longitude);
  for (const { marketing_permission_id: id = '', enabled } of body.marketing_permissions ?? []) {
    member.permissions = member.permissions.filter((one) => one !== id);
    if (enabled) member.permissions.push(id);
  }
  return JSON.stringify([details, member.permissions]) !== before;
}
