import type { z } from 'zod';
import type { FieldTypes } from '../domain/contact.js';
import type { HttpOptions } from '../vendors/http.js';
import type { Capabilities, Destination } from './destination.js';

/** What every destination is made with, beside its own settings. */
export interface DestinationContext {
  /** Its key in the ledger. */
  audience: string;
  /** The fields of its contacts. */
  fields: FieldTypes;
  /** How somebody is taken off, where the destination has more than one way. */
  onRemoval: 'unsubscribe' | 'archive';
  /** Time-outs, metrics and limits of calls with a credential. */
  http(credential: string): HttpOptions;
  /** Base URL in place of the vendor's own. */
  url?: string | undefined;
  /** Folder for what a destination keeps on this machine. */
  folder: string;
}

/** One kind of place for contacts: how it is configured and made. */
export interface DestinationKind<Settings = unknown> {
  /** Its name in the configuration and in the ledger, and the task queue of its activities. */
  readonly name: string;
  /** Its name for people. */
  readonly title: string;
  readonly settings: z.ZodType<Settings>;
  /** The audience that these settings name: two with the same one are the same place. */
  audienceOf(settings: Settings): string;
  capabilities(context: Pick<DestinationContext, 'onRemoval'>): Capabilities;
  create(settings: Settings, context: DestinationContext): Destination;
}

/** A kind as it is written down, its settings checked by its own schema. */
export const defineDestination = <Settings>(kind: DestinationKind<Settings>): DestinationKind<Settings> => kind;
