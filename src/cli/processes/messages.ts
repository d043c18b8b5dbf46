import type { ProcessMetrics } from '../../server/app.js';
import type { Stores } from './server-role.js';

/** What the main process tells a child. */
export type ToChild =
  | { type: 'start'; stores?: Stores }
  /** Sandbox only: where webhooks go. */
  | { type: 'traffic'; webhookBase: string }
  | { type: 'metrics'; id: number; metrics: ProcessMetrics }
  | { type: 'stop' };

/** The made-up Classy organization of the sandbox. */
export interface SandboxOrganization {
  id: string;
  name: string;
  timeZone: string;
  currency: string;
  credentials: { clientId: string; clientSecret: string; mailchimpApiKey?: string };
  /** Its audience; undefined where the user has a MailChimp of their own. */
  mailchimpListId?: string;
}

/** What a child tells the main process. */
export type FromChild =
  | { type: 'ready'; url: string; variables?: Record<string, string>; organization?: SandboxOrganization }
  | { type: 'failed'; message: string }
  | { type: 'metrics'; id: number };
