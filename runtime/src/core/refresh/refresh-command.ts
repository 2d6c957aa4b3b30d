/** What a scheduler tells the owners of a table's partitions to do; travels as JSON in `RefreshDataset.overrides`. */
export type RefreshCommand =
  | {
      readonly kind: "refresh";
      readonly mode?: "full" | "append";
      /** Instead of the dataset's `refresh_sql`, this once. */
      readonly refreshSql?: string;
      /** Keys of the partitions; all of the executor's when absent. */
      readonly partitions?: readonly string[];
      /** Start after a random part of this. */
      readonly jitterMaxMs?: number;
    }
  /** Read by another `refresh_sql` from the next refresh on; null goes back to the spicepod's. */
  | { readonly kind: "set-refresh-sql"; readonly refreshSql: string | null };

/** The command as JSON. */
export function printRefreshCommand(command: RefreshCommand): string {
  return JSON.stringify(command);
}

/** The command that the text holds. Throws a `RangeError` for one that this build does not know. */
export function parseRefreshCommand(text: string): RefreshCommand {
  let command: RefreshCommand | null;
  try {
    command = JSON.parse(text) as RefreshCommand | null;
  } catch (error) {
    throw new RangeError(`A scheduler sent a refresh command that is not JSON`, { cause: error });
  }
  if (command?.kind === "refresh" || command?.kind === "set-refresh-sql") return command;
  throw new RangeError(`A scheduler sent a refresh command that this build does not know: ${text}`);
}
