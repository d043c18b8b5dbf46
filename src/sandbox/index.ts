export type { SandboxList, Subscriber, SubscriberState, Write } from './campaign-monitor/state.js';
export {
  type CampaignMonitorOptions,
  type SandboxCampaignMonitor,
  sandboxListId,
  startCampaignMonitor,
} from './campaign-monitor.js';
export type { FailEvery, Faults, FaultsPatch, HangOnce } from './faults.js';
export type { ImportRow, MemberInput } from './ghost/member-input.js';
export type { Delivery, GhostEvent, Webhook } from './ghost/webhooks.js';
export { type GhostOptions, type SandboxGhost, sandboxAdminApiKey, startGhost } from './ghost.js';
export { seededRandom } from './random.js';
export { seedPeople } from './seed.js';
export type { Call } from './stand-in.js';
export { startTraffic } from './traffic.js';
