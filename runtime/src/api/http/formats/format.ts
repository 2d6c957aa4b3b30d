import type { RowStream } from "../../../ports/query-service.ts";
import type { Piece } from "../response-writer.ts";

/** One representation of a query result. */
export interface ResultFormat {
  readonly contentType: string;
  /**
   * The result as pieces of some 64 KiB, pulled one at a time. Throws what the result throws; then the pieces given
   * so far must not look like a complete result.
   */
  encode(result: RowStream): AsyncGenerator<Piece, void>;
}

/** The size at which text is handed on. */
export const pieceSize = 64 * 1024;
