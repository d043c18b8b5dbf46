export { audiencePush } from './audience-push.js';
export { audienceSync } from './audience-sync.js';
export { deliveryCatchUp } from './delivery-catch-up.js';
export { memberSync } from './member-sync.js';
export { organizationSync } from './organization-sync.js';
export { siteSync } from './site-sync.js';
export { tick } from './tick.js';
