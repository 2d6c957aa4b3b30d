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
    let head: Uint8Array[] = [encoder.schemaMessage];
    for await (const piece of result.batches ?? result.chunks) {
      // Rows that came before stay before.
      const messages = "rowCount" in piece ? encoder.add(piece) : encoder.flush();
      const parts = [...head, ...messages.flatMap((message) => message.parts)];
      if (!("rowCount" in piece)) parts.push(piece);
      else if (messages.length === 0) continue;
      head = [];
      yield* pieces(parts);
    }
    yield* pieces([...head, ...encoder.flush().flatMap((message) => message.parts), endOfStream]);
  },
};

/** The same bytes with small neighbours joined. */
function* pieces(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  let small: Uint8Array[] = [];
  for (const part of parts) {
    if (part.byteLength < 8192) {
      small.push(part);
      continue;
    }
    if (small.length > 0) yield Buffer.concat(small);
    small = [];
    yield part;
  }
  if (small.length > 0) yield Buffer.concat(small);
}
