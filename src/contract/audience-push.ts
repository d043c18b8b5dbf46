/** Arguments of `audiencePush`. */
export interface AudiencePushInput {
  audience: string;
  /** Task queue of its destination; default: Campaign Monitor's. */
  queue?: string | undefined;
}

/** Answer of the `status` query of `audiencePush`. */
export interface AudiencePushStatus {
  /** Stretches of work finished by this run. */
  stretches: number;
}

/** The activities that `audiencePush` uses. */
export interface AudiencePushActivities {
  /** Pushes due contacts for some minutes; `idle` when nothing was due for a while. */
  pushDue(input: AudiencePushInput): Promise<{ idle: boolean }>;
}
