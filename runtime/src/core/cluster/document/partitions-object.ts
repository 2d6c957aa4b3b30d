import { createHash } from "node:crypto";
import { JsonShape, type RawObject } from "./json-shape.ts";
import { type PackedVector, packVector, unpackVector } from "./packed-vector.ts";
import { type PartitionExtra, PartitionSet } from "./partition-set.ts";
import { type Atom, PartitionValues, type ValueColumn } from "./partition-values.ts";

/** A table with more partitions than this keeps them in an object of their own. */
export const MAX_INLINE_PARTITIONS = 1_000;

/** An encoded assignment object: immutable, named after its content. */
export interface AssignmentObject {
  readonly table: string;
  readonly key: string;
  readonly sha256: string;
  readonly body: Uint8Array;
}

/** The key of an assignment object. */
export function assignmentKey(sha256: string): string {
  return `assignments/${sha256}.json`;
}

/**
 * Encode the partitions of a large table (spec chapter 04, `assignments/{sha256}.json`): executors as a dictionary,
 * owners and epochs as packed vectors, consecutive buckets as ranges `[first, length]`. Deterministic: equal sets
 * give equal bytes however they came about. It carries the table's name and revision, so the bytes of an object
 * that was collected never come back.
 */
export function encodePartitions(
  tableName: string,
  revision: number,
  expressions: readonly string[],
  set: PartitionSet,
): AssignmentObject {
  const { values, executors, owners, epochs, assignedAt, extras } = set.columns;
  const used = new Uint8Array(executors.length);
  for (const owner of owners) if (owner >= 0) used[owner] = 1;
  const dictionary = executors.filter((_, i) => used[i] === 1).sort();
  const place = new Map(dictionary.map((id, i) => [id, i + 1]));
  const codes = Uint32Array.from(executors, (id) => place.get(id) ?? 0);
  const ownerCodes = new Uint32Array(owners.length);
  for (let i = 0; i < owners.length; i += 1) {
    const owner = owners[i]!;
    ownerCodes[i] = owner < 0 ? 0 : codes[owner]!;
  }
  const body = Buffer.from(
    JSON.stringify({
      schema_version: 1,
      table_name: tableName,
      revision,
      count: set.count,
      expressions,
      values: values.columns.map((column) => encodeColumn(column, values.count)),
      executors: dictionary,
      owners: packVector(ownerCodes),
      epochs: packVector(epochs),
      assigned_at: encodeTimes(assignedAt),
      more: [...extras].sort(([a], [b]) => a - b).map(([i, extra]) => [i, encodeExtra(extra)]),
    }),
  );
  const sha256 = createHash("sha256").update(body).digest("hex");
  return { table: tableName, key: assignmentKey(sha256), sha256, body };
}

/** Read an assignment object back. Throws a CorruptDocumentError that names `path`. */
export function decodePartitions(
  body: Uint8Array,
  path: string,
  sha256: string,
): { readonly table: string; readonly set: PartitionSet } {
  const shape = new JsonShape(
    `Assignment object at ${path}`,
    "Restore this object from a backup or an older object version; the root names it by its SHA-256",
  );
  const found = createHash("sha256").update(body).digest("hex");
  if (found !== sha256) shape.fail("it", `has SHA-256 ${found}`);
  const raw = shape.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  if (raw["schema_version"] !== 1) {
    shape.fail("schema_version", `is ${JSON.stringify(raw["schema_version"])}`);
  }
  const count = shape.count(raw["count"], "count");
  const columns = shape
    .array(raw["values"], "values")
    .map((column, i) => decodeColumn(shape, shape.object(column, `values[${i}]`), count, `values[${i}]`));
  const executors = shape.strings(raw["executors"], "executors");
  const vector = (name: string) => unpack(shape, raw[name], count, name);
  const codes = vector("owners");
  const owners = new Int32Array(count);
  for (let i = 0; i < count; i += 1) {
    const code = codes[i]!;
    if (code > executors.length) shape.fail("owners", "point past the dictionary");
    owners[i] = code - 1;
  }
  const set = new PartitionSet({
    values: PartitionValues.fromColumns(columns, count),
    executors,
    owners,
    epochs: vector("epochs"),
    assignedAt: decodeTimes(shape, raw["assigned_at"], count),
    extras: new Map(
      shape.array(raw["more"], "more").map((pair, i) => {
        const [index, extra] = shape.array(pair, `more[${i}]`);
        return [shape.count(index, `more[${i}][0]`), decodeExtra(shape, extra, `more[${i}][1]`)];
      }),
    ),
  });
  return { table: shape.string(raw["table_name"], "table_name"), set };
}

function encodeColumn(column: ValueColumn, count: number): object {
  if (column.kind === "runs") {
    return {
      ranges: column.firsts.map((first, i) => [first, (column.starts[i + 1] ?? count) - column.starts[i]!]),
    };
  }
  const dictionary = new Map<Atom, number>();
  const codes = new Uint32Array(column.atoms.length);
  column.atoms.forEach((atom, i) => {
    let code = dictionary.get(atom);
    if (code === undefined) {
      code = dictionary.size;
      dictionary.set(atom, code);
    }
    codes[i] = code;
  });
  if (dictionary.size * 2 > column.atoms.length) return { list: column.atoms };
  return { dictionary: [...dictionary.keys()], codes: packVector(codes) };
}

function decodeColumn(shape: JsonShape, raw: RawObject, count: number, where: string): ValueColumn {
  if (raw["ranges"] !== undefined) {
    const firsts: (number | null)[] = [];
    const starts: number[] = [];
    let at = 0;
    for (const range of shape.array(raw["ranges"], where)) {
      const [first, length] = shape.array(range, where);
      if (first !== null && typeof first !== "number") shape.fail(where, "has a range that starts nowhere");
      firsts.push(first as number | null);
      starts.push(at);
      at += shape.count(length, where);
    }
    if (at !== count) shape.fail(where, `has ${at} values, not ${count}`);
    return { kind: "runs", firsts, starts };
  }
  const list = raw["list"] ?? raw["dictionary"];
  const atoms = shape.array(list, where).map((atom) => {
    if (atom !== null && typeof atom !== "string" && typeof atom !== "number") {
      shape.fail(where, `holds ${JSON.stringify(atom)}`);
    }
    return atom as Atom;
  });
  if (raw["list"] !== undefined) {
    if (atoms.length !== count) shape.fail(where, `has ${atoms.length} values, not ${count}`);
    return { kind: "list", atoms };
  }
  const codes = unpack(shape, raw["codes"], count, `${where}.codes`);
  return {
    kind: "list",
    atoms: Array.from(codes, (code) => {
      const atom = atoms[code];
      return atom === undefined ? shape.fail(where, "points past its dictionary") : atom;
    }),
  };
}

function encodeTimes(assignedAt: Float64Array): object {
  const places = new Map<number, number>();
  const codes = new Uint32Array(assignedAt.length);
  let last = Number.NaN;
  let code = 0;
  for (let i = 0; i < assignedAt.length; i += 1) {
    const time = assignedAt[i]!;
    if (time !== last) {
      // Neighbours mostly have the time of the same write.
      const known = places.get(time);
      code = known ?? places.size;
      if (known === undefined) places.set(time, code);
      last = time;
    }
    codes[i] = code;
  }
  return { times: [...places.keys()], codes: packVector(codes) };
}

function decodeTimes(shape: JsonShape, value: unknown, count: number): Float64Array {
  const raw = shape.object(value, "assigned_at");
  const times = shape
    .array(raw["times"], "assigned_at.times")
    .map((t) => shape.count(t, "assigned_at.times"));
  const codes = unpack(shape, raw["codes"], count, "assigned_at.codes");
  const assignedAt = new Float64Array(count);
  for (let i = 0; i < count; i += 1) {
    assignedAt[i] = times[codes[i]!] ?? shape.fail("assigned_at", "points past its times");
  }
  return assignedAt;
}

function unpack(shape: JsonShape, value: unknown, count: number, where: string): Uint32Array {
  const raw = shape.object(value, where);
  const packed: PackedVector = {
    base: shape.count(raw["base"], `${where}.base`),
    bits: shape.count(raw["bits"], `${where}.bits`),
    data: shape.string(raw["data"], `${where}.data`),
  };
  try {
    return unpackVector(packed, count);
  } catch (error) {
    return shape.fail(where, `does not unpack: ${(error as Error).message}`, error);
  }
}

function encodeExtra(extra: PartitionExtra): object {
  return {
    ...extra.unknown,
    ...(extra.replicas === undefined ? {} : { replicas: extra.replicas }),
    ...(extra.learners === undefined ? {} : { learners: extra.learners }),
  };
}

function decodeExtra(shape: JsonShape, value: unknown, where: string): PartitionExtra {
  const { replicas, learners, ...unknown } = shape.object(value, where);
  return {
    ...(replicas === undefined ? {} : { replicas: shape.strings(replicas, `${where}.replicas`) }),
    ...(learners === undefined ? {} : { learners: shape.strings(learners, `${where}.learners`) }),
    ...(Object.keys(unknown).length === 0 ? {} : { unknown }),
  };
}
