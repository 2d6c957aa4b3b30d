import {
  type QueryRequest,
  type QueryResult,
  type QueryService,
  QueryUnavailableError,
} from "../../ports/query-service.ts";

/**
 * Tells a table that nothing can be said of yet from one that does not exist: a query on the first is refused for now
 * (503) with the reason, where the planner only finds no such table.
 */
export class PendingTables implements QueryService {
  readonly #inner: QueryService;
  readonly #reason: (table: string) => string | undefined;

  /** `reason` gives why a table of the spicepod cannot be queried yet; undefined for every other name. */
  constructor(inner: QueryService, reason: (table: string) => string | undefined) {
    this.#inner = inner;
    this.#reason = reason;
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    try {
      return await this.#inner.query(request);
    } catch (error) {
      const message = String((error as { message?: unknown } | undefined)?.message);
      const name = /Table with name "?([^"\s]+?)"? does not exist/.exec(message)?.[1];
      const reason = name === undefined ? undefined : this.#reason(name);
      if (reason === undefined) throw error;
      throw new QueryUnavailableError(`Dataset ${name} cannot be queried yet: ${reason}`, { cause: error });
    }
  }
}
