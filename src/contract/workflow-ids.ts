/** Workflow id of a member's sync: one open run a member. */
export const memberWorkflowId = (site: string, memberId: string): string => `member/${site}/${memberId}`;

/** Workflow id of an audience's writer: Temporal sees to it that there is one. */
export const pushWorkflowId = (audience: string): string => `push/${audience}`;
