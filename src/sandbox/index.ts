export { seedBeside } from './audience-seed.js';
export { startAudienceLife } from './audience-traffic.js';
export type { SandboxList, Subscriber, SubscriberState, Write } from './campaign-monitor/state.js';
export {
  type CampaignMonitorOptions,
  type SandboxCampaignMonitor,
  sandboxListId,
  startCampaignMonitor,
} from './campaign-monitor.js';
export type { ClassyBooks, Gift } from './classy/books.js';
export type { Collection, Row } from './classy/collection.js';
export { startGiving } from './classy/giving.js';
export { type SeedSize, seedOrganization } from './classy/seed.js';
export {
  type ClassyOptions,
  type ClassyOrganization,
  type SandboxClassy,
  sandboxOrganization,
  startClassy,
} from './classy.js';
export type { FailEvery, Faults, FaultsPatch, HangOnce } from './faults.js';
export type { ImportRow, MemberInput } from './ghost/member-input.js';
export type { Delivery, GhostEvent, Webhook } from './ghost/webhooks.js';
export { type GhostOptions, type SandboxGhost, sandboxAdminApiKey, startGhost } from './ghost.js';
export type { AudienceInput } from './mailchimp/audience.js';
export type { AutomationTrigger, MemberStatus, MemberView, MemberWrite, StatusChange } from './mailchimp/member.js';
export type { MergeValue } from './mailchimp/merge-values.js';
export type { Quirks } from './mailchimp/quirks.js';
export type { SandboxAudience, StaffMember } from './mailchimp/sandbox-audience.js';
export { type AudienceSeed, seedAudience } from './mailchimp/seed-audience.js';
export {
  type MailchimpAccount,
  type MailchimpOptions,
  type SandboxMailchimp,
  sandboxAudienceId,
  sandboxMailchimpKey,
  startMailchimp,
} from './mailchimp.js';
export { seededRandom } from './random.js';
export { seedPeople } from './seed.js';
export type { Call } from './stand-in.js';
export { startTraffic } from './traffic.js';
