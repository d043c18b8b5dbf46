export { audiencePush } from './audience-push.js';
export { memberSync } from './member-sync.js';
