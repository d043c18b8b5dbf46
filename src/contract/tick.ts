import type { OrganizationSyncMode, ResourceScope } from './organization-sync.js';

/** Arguments of `tick`: which site is to be synced and how, or which organization's resource. */
export type TickInput = SiteTick | OrganizationTick;

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
