import { arrowSchema } from "../../../../adapters/arrow/arrow-type.ts";
import { BatchEncoder, endOfStream } from "../../../../adapters/arrow/batch-encoder.ts";
import type { ResultFormat } from "../format.ts";

/** An Arrow IPC stream. Ends with the end-of-stream marker only when the result was read to its end. */
export const arrowFormat: ResultFormat = {
  contentType: "application/vnd.apache.arrow.stream",
  async *encode(result) {
    const types = result.columns.map((column) => column.duckType);
    const encoder = new BatchEncoder(types, arrowSchema(result.columns));
    // Not before the first rows are there: until then an error can be answered as one.
    let head = encoder.schemaMessage;
    const withHead = (bytes: Uint8Array) => {
      const piece = head.byteLength === 0 ? bytes : Buffer.concat([head, bytes]);
      head = new Uint8Array();
      return piece;
    };
    for await (const piece of result.batches ?? result.chunks) {
      const isChunk = "rowCount" in piece;
      // Rows that came before a record batch stay before it.
      for (const { bytes } of isChunk ? encoder.add(piece) : encoder.flush()) yield withHead(bytes);
      if (!isChunk) yield withHead(piece);
    }
    for (const { bytes } of encoder.flush()) yield withHead(bytes);
    yield withHead(endOfStream);
  },
};
