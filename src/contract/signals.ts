import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { AudiencePushStatus } from './audience-push.js';
import type { MemberSyncStatus } from './member-sync.js';

/** Something waits: look again. Carries nothing. */
export const wake = defineSignal('wake');
/** Read the member again and send it in any case. */
export const retryParked = defineSignal('retryParked');
/** Give up what is parked: its hash is settled, its deliveries are discarded. */
export const discardParked = defineSignal('discardParked');
/** Query of `memberSync`. */
export const memberStatus = defineQuery<MemberSyncStatus>('status');
/** Query of `audiencePush`. */
export const pushStatus = defineQuery<AudiencePushStatus>('status');
