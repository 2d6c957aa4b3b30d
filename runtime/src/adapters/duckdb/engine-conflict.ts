import { SqlError } from "../../ports/database.ts";

/**
 * Whether `error`, or what caused it, is that the engine refused a change because another transaction changed the same
 * thing at that moment. It says nothing against the change: made again it succeeds.
 */
export function isEngineConflict(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (
      cause instanceof SqlError &&
      cause.category === "TransactionContext" &&
      /conflict/i.test(cause.message)
    )
      return true;
  }
  return false;
}
