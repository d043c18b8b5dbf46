/** Names of the task queues: one for workflows, one a vendor for its activities. */
export const TaskQueue = {
  Steward: 'steward',
  Ghost: 'ghost',
  CampaignMonitor: 'campaign-monitor',
  Classy: 'classy',
  Mailchimp: 'mailchimp',
} as const;
