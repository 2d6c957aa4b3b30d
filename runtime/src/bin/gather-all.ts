import type { Spool } from "../adapters/exchange/spool.ts";
import type { Catalog } from "../core/query/catalog.ts";
import type { Clock } from "../ports/clock.ts";
import type { Database } from "../ports/database.ts";
import type { Exchange, FragmentRequest } from "../ports/exchange.ts";
import {
  type QueryRequest,
  type QueryResult,
  type QueryService,
  QueryUnavailableError,
} from "../ports/query-service.ts";
import type { Random } from "../ports/random.ts";

/** TEMPORARY: fetches whole tables. */
export class GatherAll implements QueryService {
  readonly o: {
    catalog: () => Catalog;
    exchange: Exchange;
    database: Database;
    spool: Spool;
    clock: Clock;
    random: Random;
  };
  constructor(o: GatherAll["o"]) {
    this.o = o;
  }
  async query(request: QueryRequest): Promise<QueryResult> {
    const { exchange, database, spool, random } = this.o;
    const catalog = this.o.catalog();
    const qs = spool.query();
    const ctes: string[] = [];
    const executors = new Set<string>();
    let parts = 0;
    let bytes = 0;
    let rows = 0;
    for (const [name, table] of catalog.tables) {
      if (!new RegExp(`\\b${name}\\b`, "i").test(request.sql)) continue;
      const per = new Map<string, { key: string; epoch: number; version: number }[]>();
      let missing = 0;
      for (const p of table.partitions) {
        const h = p.holders[0];
        if (h === undefined) {
          missing++;
          continue;
        }
        parts++;
        executors.add(h.executor);
        per.set(h.executor, [
          ...(per.get(h.executor) ?? []),
          { key: p.key, epoch: h.epoch, version: h.version },
        ]);
      }
      if (missing > 0)
        throw new QueryUnavailableError(
          `Cannot execute query: ${missing} partition(s) not assigned to any executor`,
        );
      const columns = table.columns.map(({ name, type }) => ({ name, type }));
      const got = await qs.collect(
        (sig) =>
          [...per].map(([executor, partitions]) =>
            exchange.run(
              executor,
              {
                protocol: 1,
                queryId: random.uuid(),
                fragmentId: "0",
                sql: "SELECT * FROM __scan0",
                scans: [{ name: "__scan0", table: table.fullName, revision: table.revision, partitions }],
                columns,
                deadlineMs: 60000,
                trace: "",
              } satisfies FragmentRequest,
              sig,
            ),
          ),
        columns,
        request.signal,
      );
      ctes.push(`"${name}" AS (SELECT * FROM ${got.sql})`);
      bytes += got.bytes;
      rows += got.stats.reduce((n, s) => n + s.rows, 0);
    }
    const c = await database.acquire();
    const sql =
      ctes.length === 0
        ? request.sql
        : /^\s*with\b/i.test(request.sql)
          ? request.sql.replace(/^\s*with/i, `WITH ${ctes.join(", ")},`)
          : `WITH ${ctes.join(", ")} ${request.sql}`;
    const stream = await c.stream(sql, { signal: request.signal });
    return {
      ...stream,
      queryId: random.uuid(),
      stats: {
        strategy: "gather",
        executors: [...executors],
        partitionsTotal: parts,
        partitionsRead: parts,
        fetchedBytes: bytes,
        fetchedRows: rows,
        planningMs: 0,
      },
      close: async () => {
        c.release();
        await qs.close();
      },
    };
  }
}
