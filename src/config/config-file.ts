import { z } from 'zod';
import { durationSchema } from './duration.js';
import { segmentsSchema } from './segments.js';

const rateLimitSchema = z.strictObject({
  perMinute: z.number().positive().optional().describe('Requests a minute on average'),
  burst: z.number().int().positive().optional().describe('Requests that may go at once'),
  connections: z.number().int().positive().optional().describe('Calls that may be open at a time'),
});

/** What a timer of Node's can wait. */
const timeoutSchema = durationSchema.refine(
  (ms) => Number.isInteger(ms) && ms >= 1 && ms < 2 ** 31,
  'must be whole milliseconds, at least 1 ms and less than 24 days',
);

/** Temporal's schedules count whole seconds. */
const intervalSchema = durationSchema.refine(
  (ms) => ms >= 60_000 && ms <= 31 * 24 * 3_600_000,
  'must be at least 1m and at most 31d',
);

/** `steward.config.json`: what is not secret. Its JSON schema is published as docs/steward.config.schema.json. */
export const configFileSchema = z.strictObject({
  $schema: z.string().optional(),
  guard: z
    .strictObject({
      people: z.number().int().nonnegative().default(25).describe('Removals in 24 hours that are always allowed'),
      share: z
        .number()
        .min(0)
        .max(1)
        .default(0.05)
        .describe('Or this share of the active subscribers, whichever is larger'),
    })
    .prefault({})
    .describe('How many people may be taken off an audience in 24 hours without approval'),
  schedules: z
    .strictObject({
      siteWalk: intervalSchema.prefault('15m').describe('How often all members of a site are compared with the ledger'),
      siteFull: intervalSchema.prefault('24h').describe('How often the list is read back and compared as well'),
      supporters: intervalSchema.prefault('30m').describe("How often an organization's supporters are read"),
      transactions: intervalSchema.prefault('15m').describe('How often its transactions are read'),
      campaigns: intervalSchema.prefault('1h').describe('How often its campaigns are read'),
      recurringPlans: intervalSchema.prefault('1h').describe('How often its recurring plans are read'),
      audience: intervalSchema
        .prefault('1h')
        .describe("How often donors are segmented and an organization's audience is kept true"),
      audienceFull: intervalSchema
        .prefault('24h')
        .describe('How often all of such an audience is read back; in between, what changed there'),
      organizationFull: intervalSchema.prefault('7d').describe('How often everything of an organization is read anew'),
      ghostShare: z
        .number()
        .gt(0)
        .max(1)
        .default(0.05)
        .describe(
          'Largest share of the time during which scheduled walks keep a Ghost busy; they come less often where it is not enough',
        ),
    })
    .prefault({})
    .describe('What runs by itself, and how often'),
  rateLimits: z
    .strictObject({
      ghost: rateLimitSchema.optional(),
      'campaign-monitor': rateLimitSchema.optional(),
      classy: rateLimitSchema
        .extend({
          perMinute: rateLimitSchema.shape.perMinute.unwrap().nullable().default(1800),
          burst: z.number().int().positive().default(10),
        })
        .prefault({})
        .describe('1,800 requests a minute as Classy allows; `perMinute: null` for no limit'),
      mailchimp: rateLimitSchema
        .extend({ connections: z.number().int().min(1).max(10).default(8) })
        .prefault({})
        .describe('MailChimp allows ten connections a key; eight leave room for others with the same one'),
    })
    .prefault({})
    .describe('Limits of one credential at each vendor, shared by all processes'),
  timeouts: z
    .strictObject({
      ghost: timeoutSchema.prefault('10s').describe('Longest wait for an answer of Ghost'),
      'campaign-monitor': timeoutSchema.prefault('2m').describe('Longest wait for an answer of Campaign Monitor'),
      classy: timeoutSchema.prefault('1m').describe('Longest wait for an answer of Classy'),
      mailchimp: timeoutSchema
        .prefault('2m')
        .describe('Longest wait for an answer of MailChimp, which itself gives up after two minutes'),
    })
    .prefault({})
    .describe('Time-outs of vendor calls'),
  classy: z
    .strictObject({
      headers: z
        .record(z.string().regex(/^[a-z0-9-]+$/i), z.string())
        .default({})
        .describe('Sent with every request, such as an x-integration-id that Classy issued'),
    })
    .prefault({})
    .describe('How Classy is asked'),
  audiences: z
    .record(
      z.string().regex(/^[1-9]\d*$/, 'must be the id of a Classy organization'),
      z.looseObject({ destination: z.string() }),
    )
    .default({})
    .describe(
      "Organizations whose supporters go elsewhere than to a MailChimp audience: the destination's name and settings; a value $NAME is taken from the environment",
    ),
  segments: segmentsSchema.prefault({}).describe('How supporters are sorted into segments, and what tags say so'),
});
export type ConfigFile = z.infer<typeof configFileSchema>;
