/** Workflow id of a member's sync: one open run a member. */
export const memberWorkflowId = (site: string, memberId: string): string => `member/${site}/${memberId}`;

/** Workflow id of an audience's writer: Temporal sees to it that there is one. */
export const pushWorkflowId = (audience: string): string => `push/${audience}`;

/** Workflow id of a site's walks, full syncs and applied plans: two never overlap. */
export const siteSyncWorkflowId = (site: string): string => `site-sync/${site}`;

/** Workflow id of the run that catches up with a site's waiting deliveries. */
export const catchUpWorkflowId = (site: string): string => `catch-up/${site}`;

/** Workflow id of the syncs of one of an organization's resources, or of all of them in their order: two never overlap. */
export const organizationSyncWorkflowId = (organization: string, resource: string): string =>
  `organization-sync/${organization}/${resource}`;

/** Workflow id of the syncs of an organization's audience: two never overlap. */
export const audienceSyncWorkflowId = (audience: string): string => `audience-sync/${audience}`;
