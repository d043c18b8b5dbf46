import { type MemberContactInput, memberToContact } from './contact.js';
import type { AudienceRules, Holder, Standing } from './plan-contact.js';
import type { Site } from './site.js';

/** The living member of a site as the holder of an address; `addedAt` is the receipt of the signed `member.added`. */
export const memberHolder = (memberId: string, member: MemberContactInput, site: Site, addedAt?: Date): Holder => ({
  memberId,
  contact: memberToContact(member),
  standing: standingOf(member, site),
  addedAt,
  member,
});

/** What a site asks of its audience (house decisions 16 to 18). */
export const siteRules = ({ onDelete }: Pick<Site, 'onDelete'>): AudienceRules => ({
  keepsDeleted: onDelete === 'keep',
  takesOff: 'anybody',
  comesBack: true,
  moves: true,
});

function standingOf({ facts: { emailEnabled, suppressed } }: MemberContactInput, { onEmailDisabled }: Site): Standing {
  if (!emailEnabled && onEmailDisabled === 'remove') return { leaves: 'email-disabled' };
  return suppressed === true || (!emailEnabled && onEmailDisabled === 'withhold') ? 'not-added' : 'wanted';
}
