import type { ApiClient } from "../api-client.ts";

const keywords =
  `SELECT FROM WHERE GROUP BY HAVING ORDER LIMIT OFFSET JOIN LEFT RIGHT FULL INNER OUTER CROSS ON USING AS AND OR
   NOT IN IS NULL LIKE ILIKE BETWEEN CASE WHEN THEN ELSE END DISTINCT UNION ALL EXCEPT INTERSECT WITH VALUES CAST
   EXPLAIN ANALYZE DESCRIBE SHOW TABLES count sum avg min max date_trunc`
    .split(/\s+/)
    .filter(Boolean);

/** Completes keywords and the names of tables and columns, which it asks the server for. */
export class Completer {
  readonly #client: ApiClient;
  #names: readonly string[] = [];

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** Ask for the names anew. A server that does not answer leaves the keywords. */
  async refresh(signal: AbortSignal): Promise<void> {
    try {
      const response = await this.#client.sql(
        "SELECT table_name, column_name FROM information_schema.columns ORDER BY ALL LIMIT 20000",
        "application/json",
        signal,
      );
      const rows = (await response.json()) as { table_name: string; column_name: string }[];
      this.#names = [...new Set(rows.flatMap((row) => [row.table_name, row.column_name]))].sort();
    } catch {
      this.#names = [];
    }
  }

  /** In the form that `node:readline` wants. */
  complete(line: string): [string[], string] {
    const word = /[\w.]*$/.exec(line)![0];
    if (word === "") return [[], word];
    const lower = word.toLowerCase();
    const shaped = keywords.map((keyword) => (word === lower ? keyword.toLowerCase() : keyword));
    const hits = [...this.#names, ...shaped].filter((name) => name.toLowerCase().startsWith(lower));
    return [[...new Set(hits)], word];
  }
}
