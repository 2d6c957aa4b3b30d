import { UnassignedPartitionsError } from "../../core/query/plan/choose-holders.ts";
import { SqlError } from "../../ports/database.ts";
import { ResourceExhaustedError, StalePlanError } from "../../ports/exchange.ts";
import { InvalidQueryError, QueryUnavailableError } from "../../ports/query-service.ts";

/** An error of a query as the port names it; the reason of `signal` where that ended a statement. Others as they are. */
export function translateError(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof UnassignedPartitionsError)
    return new QueryUnavailableError(error.message, { cause: error });
  if (error instanceof StalePlanError) {
    return new QueryUnavailableError("The assignment kept changing while the query was planned; retry", {
      cause: error,
    });
  }
  if (error instanceof SqlError) {
    if (error.category === "Out of Memory") {
      return new ResourceExhaustedError("The query needs more memory than the scheduler may use", {
        cause: error,
      });
    }
    if (signal.aborted) return signal.reason;
    if (error.category === "IO" && error.message.includes("No space left on device")) {
      return new ResourceExhaustedError("The query needs more disk than the scheduler has left to spill to", {
        cause: error,
      });
    }
    if (error.category !== "IO" && error.category !== "INTERNAL") {
      return new InvalidQueryError(error.message.replace(/\n\nLINE \d+:[\s\S]*$/, ""), { cause: error });
    }
  }
  return error;
}
