/** A value of a column: ids, decimals and times travel as text (`123`, `52.5`, `2025-02-11T09:30:00.000Z`). */
export type ColumnValue = string | number | boolean | null;

/** One record of a source as it is stored, by column. */
export interface SourceRecord {
  id: string;
  columns: Readonly<Record<string, ColumnValue>>;
  /** Parts that are kept in a table of their own; undefined where the source did not send them. */
  items?: readonly { id: string; columns: Readonly<Record<string, ColumnValue>> }[] | undefined;
  /** As it was sent. */
  raw: unknown;
}

/** A record that cannot be stored. */
export interface SetAside {
  /** The source's id, or `?` and a digest of the content where there is none. */
  recordId: string;
  /** Names fields, never their content. */
  reason: string;
}
