/** Arguments of `deliveryCatchUp`. */
export interface CatchUpInput {
  site: string;
}

/** The activity of `deliveryCatchUp`. */
export interface CatchUpActivities {
  /** Applies what waits page by page until little is left. */
  catchUp(input: CatchUpInput): Promise<void>;
}
