import type { OrganizationSyncMode, ResourceScope } from './organization-sync.js';

/** Arguments of `tick`: which site is to be synced and how, which organization's resource, or which audience. */
export type TickInput = SiteTick | OrganizationTick | AudienceTick;

/** A walk or full sync of a site. */
export interface SiteTick {
  site: string;
  mode: 'walk' | 'full';
}

/** A sync of an organization. */
export interface OrganizationTick {
  organization: string;
  resource: ResourceScope;
  mode: OrganizationSyncMode;
}

/** A sync of an organization's audience; once a day everything is read. */
export interface AudienceTick {
  audience: string;
  organization: string;
  queue: string;
  mode: 'incremental';
}
