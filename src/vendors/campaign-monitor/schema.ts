import { z } from 'zod';

/** Every error's body. */
export const errorAnswerSchema = z.object({
  Code: z.number(),
  Message: z.string().nullish(),
  ResultData: z.unknown().optional(),
});

/** The result of an import, whole (201) or in `ResultData` of code 210. */
export const importResultSchema = z.object({
  FailureDetails: z.array(z.object({ EmailAddress: z.string(), Code: z.number() })),
  TotalUniqueEmailsSubmitted: z.number(),
  TotalExistingSubscribers: z.number(),
  TotalNewSubscribers: z.number(),
  DuplicateEmailsInSubmission: z.array(z.string()).nullish(),
});
export type ImportResult = z.infer<typeof importResultSchema>;

/** One subscriber, in any state. `Date` is the time of its last change of state, in the client's time zone. */
export const subscriberSchema = z.object({
  EmailAddress: z.string(),
  Name: z.string().nullish(),
  Date: z.string(),
  State: z.string(),
  CustomFields: z.array(z.object({ Key: z.string(), Value: z.unknown() })).nullish(),
});
export type Subscriber = z.infer<typeof subscriberSchema>;

/** Rows are read one by one: one that we cannot read (no e-mail, say) must not keep the others from being read back. */
const pageSchema = <T extends z.ZodType>(row: T) =>
  z.object({
    Results: z.array(z.unknown()).transform((rows) => rows.flatMap((one) => row.safeParse(one).data ?? [])),
    PageNumber: z.number().nullish(),
    NumberOfPages: z.number(),
  });

/** A page of the subscribers in one state. */
export const subscribersPageSchema = pageSchema(subscriberSchema);

/** A page of a client's suppression list. */
export const suppressionPageSchema = pageSchema(
  z.object({ EmailAddress: z.string(), Date: z.string(), SuppressionReason: z.string().nullish() }),
);

/** The clients that a key opens, and the lists of one of them. */
export const clientsSchema = z.array(z.object({ ClientID: z.string() }));
export const clientListsSchema = z.array(z.object({ ListID: z.string() }));

/** A list's settings. */
export const listSchema = z.object({
  ListID: z.string(),
  Title: z.string(),
  ConfirmedOptIn: z.boolean(),
  UnsubscribeSetting: z.string().nullish(),
});

/** The part of a list's statistics that we use. */
export const statsSchema = z.object({ TotalActiveSubscribers: z.number() });

/** The custom fields of a list. */
export const customFieldsSchema = z.array(z.object({ FieldName: z.string(), Key: z.string(), DataType: z.string() }));

/** What one subscriber of an import looks like. */
export interface ImportSubscriber {
  EmailAddress: string;
  Name: string;
  ConsentToTrack: 'Yes' | 'No' | 'Unchanged';
  CustomFields: { Key: string; Value: string; Clear?: true }[];
}
