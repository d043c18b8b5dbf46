import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** `Running`, `Waiting` or `Parked`. */
export const SyncState = defineSearchAttributeKey('SyncState', SearchAttributeType.KEYWORD);
/** The step at which a parked run stopped. */
export const FailedStep = defineSearchAttributeKey('FailedStep', SearchAttributeType.KEYWORD);
/** The site that a run works for. */
export const SiteName = defineSearchAttributeKey('SiteName', SearchAttributeType.KEYWORD);
/** The Classy organization that a run works for. */
export const OrganizationId = defineSearchAttributeKey('OrganizationId', SearchAttributeType.KEYWORD);

/** All of them: registered before any worker starts, since an unknown name blocks a workflow task. */
export const searchAttributes = [SyncState, FailedStep, SiteName, OrganizationId];

/** What a run of one site begins with. */
export const runningFor = (site: string) => [
  { key: SiteName, value: site },
  { key: SyncState, value: 'Running' },
];

/** What a run of one organization begins with. */
export const runningForOrganization = (organization: string) => [
  { key: OrganizationId, value: organization },
  { key: SyncState, value: 'Running' },
];
