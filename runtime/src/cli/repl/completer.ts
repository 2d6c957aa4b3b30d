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
    const [tables, columns] = await Promise.all([
      this.#client.json<{ name: string }[]>("/v1/datasets", signal).catch(() => []),
      this.#columns(signal).catch(() => []),
    ]);
    this.#names = [...new Set([...tables.map(({ name }) => name), ...columns])].sort();
  }

  async #columns(signal: AbortSignal): Promise<string[]> {
    const sql = "SELECT DISTINCT column_name AS name FROM information_schema.columns LIMIT 20000";
    const response = await this.#client.sql(sql, "application/json", signal);
    return ((await response.json()) as { name: string }[]).map(({ name }) => name);
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
