import type { ChunkStream } from "../../ports/database.ts";

/** Runs a statement of ours on the scheduler's database for the time of a query. */
export interface ConnectionTools {
  stream(sql: string): Promise<ChunkStream>;
}
