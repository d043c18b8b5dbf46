import { z } from 'zod';
import { problemsOf } from '../domain/segment-problems.js';
import {
  AMOUNT_FIELDS,
  defaultSegmentRules,
  ON_OPT_OUT,
  OPTIONAL_DONOR_FIELDS,
  type OptionalDonorField,
  type SegmentRules,
  type Segments,
  standardFamilies,
} from '../domain/segment-rules.js';

const name = z.string();
const amount = z.number().positive();
const family = <T extends z.ZodType>(settings: T) =>
  z.union([z.boolean(), settings], { error: familyProblem }).exactOptional();

/** Tells what is wrong inside a family, where it is meant to be one: a union by itself says only that it fits neither. */
function familyProblem({ code, input, errors }: z.core.$ZodRawIssue): string | undefined {
  if (code !== 'invalid_union' || typeof input !== 'object' || input === null)
    return 'must be true, false or its settings';
  const inside = (errors as z.core.$ZodIssue[][])[1] ?? [];
  return inside.map(({ path, message }) => `${z.core.toDotPath(path)} ${message}`.trim()).join('; ');
}

const ruleSettings = {
  prefix: z.string().exactOptional().describe('Stands before every tag name'),
  value: family(
    z.strictObject({
      tiers: z
        .array(z.strictObject({ name, atLeast: amount }))
        .exactOptional()
        .describe('From the lowest to the highest'),
      small: name.exactOptional().describe('Gave, but less than the lowest tier'),
      prospect: name.exactOptional().describe('No gift'),
    }),
  ).describe('By what was given in all'),
  lifetime: family(z.array(amount)).describe('Limits of what was given in all; 1000 gives the tag $1K+ Lifetime'),
  recency: family(
    z.strictObject({
      tiers: z
        .array(z.strictObject({ name, withinDays: z.number().int().positive() }))
        .exactOptional()
        .describe('From the latest to the longest ago'),
      older: name.exactOptional().describe('Longer ago than the last tier'),
    }),
  ).describe('By the days since the last gift'),
  frequency: family(
    z.strictObject({
      tiers: z
        .array(z.strictObject({ name, atMost: z.number().int().positive() }))
        .exactOptional()
        .describe('From the fewest to the most'),
      more: name.exactOptional().describe('More than the last tier'),
    }),
  ).describe('By the number of gifts'),
  recurring: family(
    z.strictObject({
      recurring: name.exactOptional().describe('At least one active plan'),
      monthly: name.exactOptional().describe('At least one active plan that is charged monthly'),
      atRisk: name.exactOptional().describe('At least one plan whose charges fail'),
      paused: name.exactOptional().describe('At least one paused plan'),
      former: name.exactOptional().describe('Had plans, has none'),
      monthlyLimits: z.array(amount).exactOptional().describe('Of what is given a month; 100 gives $100+ Monthly'),
    }),
  ).describe('By the recurring plans'),
  lifecycle: family(
    z.strictObject({
      new: name.exactOptional().describe('Gave this year for the first time'),
      retained: name.exactOptional().describe('Gave this year and last year'),
      reactivated: name.exactOptional().describe('Gave this year, not last year, but earlier'),
      lybunt: name.exactOptional().describe('Gave last year, not this year'),
      sybunt: name.exactOptional().describe('Gave earlier, neither last year nor this year'),
    }),
  ).describe('By the years in which there were gifts; off unless switched on'),
  countedStatuses: z.array(z.string().min(1)).exactOptional().describe('Statuses of transactions that are gifts'),
  amountField: z.enum(AMOUNT_FIELDS).exactOptional().describe('Which amount of a transaction is what was given'),
  countInstallments: z
    .boolean()
    .exactOptional()
    .describe('Whether each charge of a plan counts as a gift, or the plan once'),
  fiscalYearStartMonth: z.number().int().min(1).max(12).exactOptional().describe('Month with which a year begins'),
  onOptOut: z.enum(ON_OPT_OUT).exactOptional().describe('What happens to a contact added by Steward without consent'),
  fields: z
    .array(z.enum(Object.keys(OPTIONAL_DONOR_FIELDS) as OptionalDonorField[]))
    .exactOptional()
    .describe('Merge fields to send beside the six core ones'),
};

const settingsSchema = z.strictObject(ruleSettings);
type SegmentSettings = z.infer<typeof settingsSchema>;

const organizationsSchema = z.record(z.string().regex(/^[1-9]\d{0,17}$/), settingsSchema, {
  error: ({ code }) => (code === 'invalid_key' ? "must be an organization's id, a whole number" : undefined),
});

/** The section `segments`: the rules of every organization, checked; those of one organization stand above the general ones. */
export const segmentsSchema = z
  .strictObject({
    ...ruleSettings,
    organizations: organizationsSchema
      .default({})
      .describe('By organization id: the same keys, for what differs there'),
  })
  .transform(({ organizations, ...settings }, context): Segments => {
    const general = applySettings(defaultSegmentRules, settings);
    const known = problemsOf(general);
    const refuse = (path: string[], problems: readonly string[]): void => {
      for (const message of problems) context.addIssue({ code: 'custom', path, message });
    };
    refuse([], known);
    const own = new Map<string, SegmentRules>();
    for (const [id, differing] of Object.entries(organizations)) {
      const rules = applySettings(general, differing);
      // what is wrong in general is told once
      refuse(
        ['organizations', id],
        problemsOf(rules).filter((problem) => !known.includes(problem)),
      );
      own.set(id, rules);
    }
    return { general, organizations: own };
  });

function applySettings(rules: SegmentRules, settings: SegmentSettings): SegmentRules {
  const { value, lifetime, recency, frequency, recurring, lifecycle, ...plain } = settings;
  return {
    ...rules,
    ...plain,
    value: applyFamily(rules.value, standardFamilies.value, value),
    lifetime: Array.isArray(lifetime) ? lifetime : applyFamily(rules.lifetime, standardFamilies.lifetime, lifetime),
    recency: applyFamily(rules.recency, standardFamilies.recency, recency),
    frequency: applyFamily(rules.frequency, standardFamilies.frequency, frequency),
    recurring: applyFamily(rules.recurring, standardFamilies.recurring, recurring),
    lifecycle: applyFamily(rules.lifecycle, standardFamilies.lifecycle, lifecycle),
  };
}

/** `true` switches a family on as it was, or with its standard names; single names stand above either. */
function applyFamily<T extends object>(
  before: T | false,
  standard: T,
  setting: boolean | Partial<T> | undefined,
): T | false {
  if (setting === undefined) return before;
  if (setting === false) return false;
  const base = before || standard;
  return setting === true ? base : { ...base, ...setting };
}
