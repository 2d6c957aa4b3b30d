import { type DuckDBType, DuckDBTypeId, type DuckDBValue } from "@duckdb/node-api";
import { type InlineReader, isSet, readBlocks, readInlineFrame } from "./inline-frame.ts";
import type { InlineType } from "./inline-type.ts";

type Read = (view: DataView, at: number) => DuckDBValue;

/** Values that JavaScript reads as fast as the engine could hand them over; others go through its vectors. */
const reads = new Map<DuckDBTypeId, Read>([
  [DuckDBTypeId.BOOLEAN, (view, at) => view.getUint8(at) !== 0],
  [DuckDBTypeId.INTEGER, (view, at) => view.getInt32(at, true)],
  [DuckDBTypeId.BIGINT, (view, at) => view.getBigInt64(at, true)],
  [DuckDBTypeId.UBIGINT, (view, at) => view.getBigUint64(at, true)],
  [DuckDBTypeId.HUGEINT, (view, at) => (view.getBigInt64(at + 8, true) << 64n) | view.getBigUint64(at, true)],
  [DuckDBTypeId.DOUBLE, (view, at) => view.getFloat64(at, true)],
  [DuckDBTypeId.VARCHAR, () => ""],
]);

/**
 * The values of inline frames, column by column and in the order of the frames.
 * @throws Error when the bytes are not inline frames of such columns.
 */
export function inlineValues(frames: readonly Uint8Array[], types: readonly InlineType[]): DuckDBValue[][] {
  const found = types.map(({ type }) => reads.get(type.typeId));
  if (!found.every((read) => read !== undefined)) return throughVectors(frames, types);
  const columns = types.map((): DuckDBValue[] => []);
  for (const frame of frames) {
    readBlocks(frame, (reader) => {
      const count = reader.uint32();
      types.forEach(({ width }, i) => {
        readColumn(reader, count, width, found[i] as Read, columns[i] as DuckDBValue[]);
      });
    });
  }
  return columns;
}

function readColumn(
  reader: InlineReader,
  count: number,
  width: number,
  read: Read,
  values: DuckDBValue[],
): void {
  const mask = reader.mask(count);
  if (width > 0) {
    const data = reader.take(count * width);
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    for (let row = 0; row < count; row++)
      values.push(mask === undefined || isSet(mask, row) ? read(view, row * width) : null);
    return;
  }
  const lengths = Array.from({ length: count }, () => reader.uint32());
  lengths.forEach((length, row) => {
    const bytes = reader.take(length);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
    values.push(mask === undefined || isSet(mask, row) ? text : null);
  });
}

function throughVectors(frames: readonly Uint8Array[], types: readonly InlineType[]): DuckDBValue[][] {
  const chunks = frames.flatMap((frame) => readInlineFrame(frame, types));
  return types.map((_: { readonly type: DuckDBType }, i) =>
    chunks.flatMap((chunk) => chunk.getColumnValues(i)),
  );
}
