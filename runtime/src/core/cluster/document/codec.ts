import { CorruptDocumentError, UnsupportedSchemaVersionError } from "../errors.ts";
import {
  CLUSTER_SCHEMA_VERSION,
  type ClusterDocument,
  type ExecutorEntry,
  type PartitionsRef,
  type SchedulerEntry,
  type TableEntry,
} from "./document.ts";
import { JsonShape, type RawObject } from "./json-shape.ts";
import { type PartitionExtra, PartitionSet } from "./partition-set.ts";
import { type PartitionValue, PartitionValues } from "./partition-values.ts";
import { type AssignmentObject, encodePartitions, MAX_INLINE_PARTITIONS } from "./partitions-object.ts";

/** A table as the root has it: its partitions may be in an object that is still to be read. */
type RootTable = Omit<TableEntry, "partitions"> & {
  readonly partitions?: PartitionSet;
  readonly partitions_ref?: PartitionsRef;
};

/** A parsed root, before the objects that it names were read. */
export interface ParsedRoot {
  readonly references: ReadonlyMap<string, PartitionsRef>;
  /** The document; `partitions` gives the set of each referenced table, by table name. */
  complete(partitions: (table: string, ref: PartitionsRef) => PartitionSet): ClusterDocument;
}

/** What to write for a document: first the objects that are new, then the root. */
export interface PrintedDocument {
  readonly root: Uint8Array;
  readonly objects: readonly AssignmentObject[];
}

/**
 * Parse and validate `cluster.json`. Throws {@link UnsupportedSchemaVersionError} or {@link CorruptDocumentError},
 * which say where and what to do. Unknown fields are kept; they come from a newer version of this program.
 */
export function parseRoot(body: Uint8Array, path: string): ParsedRoot {
  const shape = new JsonShape(
    `Cluster document at ${path}`,
    "Restore it from a backup or an older object version, or remove everything under runtime.scheduler.state_location to start a new cluster (executors then load their partitions anew)",
  );
  const raw = shape.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  if (!("schema_version" in raw) || typeof raw["cluster_id"] !== "string") {
    if ("schema_version" in raw && raw["schema_version"] !== CLUSTER_SCHEMA_VERSION) {
      throw new UnsupportedSchemaVersionError(path, raw["schema_version"]);
    }
    throw new CorruptDocumentError(
      `The object at ${path} is not a cluster document (no schema_version and cluster_id). Check runtime.scheduler.state_location: it must name a place that only this cluster uses`,
    );
  }
  if (raw["schema_version"] !== CLUSTER_SCHEMA_VERSION) {
    throw new UnsupportedSchemaVersionError(path, raw["schema_version"]);
  }
  const tables = shape.entries(raw["accelerations"], "accelerations", (item, where, name) =>
    parseTable(shape, item, where, name),
  );
  const document = {
    ...raw,
    schema_version: CLUSTER_SCHEMA_VERSION,
    cluster_id: raw["cluster_id"],
    revision: shape.count(raw["revision"], "revision"),
    created_at_ms: shape.count(raw["created_at_ms"], "created_at_ms"),
    updated_at_ms: shape.count(raw["updated_at_ms"], "updated_at_ms"),
    ...(raw["app"] === undefined ? {} : { app: parseApp(shape, raw["app"]) }),
    ...(raw["departures"] === undefined ? {} : { departures: shape.count(raw["departures"], "departures") }),
    schedulers: shape.entries(raw["schedulers"], "schedulers", (item, at) => parseScheduler(shape, item, at)),
    executors: shape.entries(raw["executors"], "executors", (item, at) => parseExecutor(shape, item, at)),
  } as const;
  const references = new Map<string, PartitionsRef>();
  for (const [name, table] of Object.entries(tables)) {
    if (table.partitions_ref !== undefined) references.set(name, table.partitions_ref);
  }
  return {
    references,
    complete(partitions) {
      const accelerations = Object.fromEntries(
        Object.entries(tables).map(([name, { partitions_ref: ref, partitions: inline, ...table }]) => {
          const set = ref === undefined ? inline! : partitions(name, ref);
          if (ref !== undefined && set.count !== ref.count) {
            shape.fail(
              `accelerations[${JSON.stringify(name)}]`,
              `names ${ref.count} partitions, not ${set.count}`,
            );
          }
          return [name, { ...table, partitions: set }];
        }),
      );
      return { ...document, accelerations };
    },
  };
}

/** The bytes of a document. Tables above `maxInline` partitions become objects; their encoding is remembered. */
export function printDocument(document: ClusterDocument, maxInline = MAX_INLINE_PARTITIONS): PrintedDocument {
  const objects: AssignmentObject[] = [];
  const accelerations = Object.fromEntries(
    Object.entries(document.accelerations).map(([name, { partitions, ...table }]) => {
      if (partitions.count <= maxInline) {
        return [name, { ...table, partitions: printInline(table.partition_expressions, partitions) }];
      }
      const object = encodedObject(table, partitions);
      objects.push(object);
      const ref: PartitionsRef = {
        sha256: object.sha256,
        count: partitions.count,
        bytes: object.body.byteLength,
      };
      return [name, { ...table, partitions_ref: ref }];
    }),
  );
  return { root: Buffer.from(JSON.stringify({ ...document, accelerations })), objects };
}

const encoded = new WeakMap<PartitionSet, { table: string; revision: number; object: AssignmentObject }>();

function encodedObject(table: Omit<TableEntry, "partitions">, set: PartitionSet): AssignmentObject {
  const known = encoded.get(set);
  if (known?.table === table.table_name && known.revision === table.revision) return known.object;
  const object = encodePartitions(table.table_name, table.revision, table.partition_expressions, set);
  encoded.set(set, { table: table.table_name, revision: table.revision, object });
  return object;
}

/** Remember that `set` was read from `object`, so that an unchanged table is not encoded again. */
export function rememberEncoding(
  table: string,
  revision: number,
  set: PartitionSet,
  object: AssignmentObject,
): void {
  encoded.set(set, { table, revision, object });
}

function printInline(expressions: readonly string[], set: PartitionSet): object[] {
  return Array.from({ length: set.count }, (_, i) => {
    const values = set.tuple(i);
    const at = set.lastAssignedAt(i);
    return {
      ...set.columns.extras.get(i)?.unknown,
      partition_value: Object.fromEntries(expressions.map((expression, e) => [expression, values[e]!])),
      assigned_executors: set.holders(i),
      learners: set.learners(i),
      epoch: set.epoch(i),
      ...(at === undefined ? {} : { last_assigned_at: at }),
    };
  });
}

function parseTable(shape: JsonShape, raw: RawObject, where: string, name: string): RootTable {
  if (raw["schema_version"] !== CLUSTER_SCHEMA_VERSION) {
    shape.fail(
      `${where}.schema_version`,
      `is ${JSON.stringify(raw["schema_version"])}, which this version does not read`,
    );
  }
  const expressions = shape.strings(raw["partition_expressions"], `${where}.partition_expressions`);
  const { partitions, partitions_ref: ref, ...rest } = raw;
  const table = {
    ...rest,
    table_name: shape.string(raw["table_name"], `${where}.table_name`),
    schema_version: CLUSTER_SCHEMA_VERSION,
    revision: shape.count(raw["revision"], `${where}.revision`),
    updated_at: shape.count(raw["updated_at"], `${where}.updated_at`),
    discovered_at_ms: shape.count(raw["discovered_at_ms"], `${where}.discovered_at_ms`),
    partition_expressions: expressions,
  } as const;
  if (table.table_name !== name) shape.fail(`${where}.table_name`, `is ${JSON.stringify(table.table_name)}`);
  if (ref === undefined) {
    return { ...table, partitions: parseInline(shape, partitions, `${where}.partitions`, expressions) };
  }
  if (partitions !== undefined) shape.fail(where, "has both partitions and partitions_ref");
  const object = shape.object(ref, `${where}.partitions_ref`);
  const sha256 = shape.string(object["sha256"], `${where}.partitions_ref.sha256`);
  if (!/^[0-9a-f]{64}$/.test(sha256)) shape.fail(`${where}.partitions_ref.sha256`, "is not a SHA-256 in hex");
  return {
    ...table,
    partitions_ref: {
      sha256,
      count: shape.count(object["count"], `${where}.partitions_ref.count`),
      bytes: shape.count(object["bytes"], `${where}.partitions_ref.bytes`),
    },
  };
}

const PARTITION_FIELDS = new Set([
  "partition_value",
  "assigned_executors",
  "learners",
  "epoch",
  "last_assigned_at",
]);

function parseInline(
  shape: JsonShape,
  value: unknown,
  where: string,
  expressions: readonly string[],
): PartitionSet {
  const items = shape.array(value, where).map((item, i) => {
    const at = `${where}[${i}]`;
    const raw = shape.object(item, at);
    const holders = shape.strings(raw["assigned_executors"], `${at}.assigned_executors`);
    const learners = shape.strings(raw["learners"], `${at}.learners`);
    const assignedAt =
      raw["last_assigned_at"] === undefined
        ? 0
        : shape.count(raw["last_assigned_at"], `${at}.last_assigned_at`);
    const unknown = Object.entries(raw).filter(([name]) => !PARTITION_FIELDS.has(name));
    const extra: PartitionExtra = {
      ...(holders.length > 1 ? { replicas: holders.slice(1) } : {}),
      ...(learners.length > 0 ? { learners } : {}),
      ...(unknown.length > 0 ? { unknown: Object.fromEntries(unknown) } : {}),
    };
    return {
      tuple: parseTuple(shape, raw["partition_value"], `${at}.partition_value`, expressions),
      owner: holders[0],
      epoch: shape.count(raw["epoch"], `${at}.epoch`),
      assignedAt,
      extra,
    };
  });
  const values = PartitionValues.of(
    expressions.length,
    items.map((item) => item.tuple),
  );
  if (values.count !== items.length) shape.fail(where, "has the same partition value twice");
  const set = PartitionSet.fresh(values);
  const executors: string[] = [];
  const codes = new Map<string, number>();
  const extras = new Map<number, PartitionExtra>();
  // They were written in order; only a document edited by hand has them in another one.
  const sorted = items.every(({ tuple }, i) => values.tuple(i).every((value, c) => value === tuple[c]));
  for (const [i, item] of items.entries()) {
    const index = sorted ? i : values.indexOf(item.tuple);
    set.columns.epochs[index] = item.epoch;
    set.columns.assignedAt[index] = item.assignedAt;
    if (Object.keys(item.extra).length > 0) extras.set(index, item.extra);
    if (item.owner === undefined) continue;
    let code = codes.get(item.owner);
    if (code === undefined) {
      code = executors.push(item.owner) - 1;
      codes.set(item.owner, code);
    }
    set.columns.owners[index] = code;
  }
  return new PartitionSet({ ...set.columns, executors, extras });
}

function parseTuple(
  shape: JsonShape,
  value: unknown,
  where: string,
  expressions: readonly string[],
): PartitionValue[] {
  const raw = shape.object(value, where);
  if (Object.keys(raw).length !== expressions.length) shape.fail(where, "does not name each expression once");
  return expressions.map((expression) => {
    const part = Object.hasOwn(raw, expression) ? raw[expression] : undefined;
    return part === null ? null : shape.string(part, `${where}[${JSON.stringify(expression)}]`);
  });
}

function parseApp(shape: JsonShape, value: unknown) {
  const raw = shape.object(value, "app");
  return {
    ...raw,
    generation: shape.count(raw["generation"], "app.generation"),
    sha256: shape.string(raw["sha256"], "app.sha256"),
  };
}

function parseScheduler(shape: JsonShape, raw: RawObject, where: string): SchedulerEntry {
  const text = (name: string) => shape.string(raw[name], `${where}.${name}`);
  const count = (name: string) => shape.count(raw[name], `${where}.${name}`);
  return {
    ...raw,
    scheduler_id: text("scheduler_id"),
    instance_id: text("instance_id"),
    advertise_address: text("advertise_address"),
    grpc_address: text("grpc_address"),
    http_address: text("http_address"),
    started_at_ms: count("started_at_ms"),
    ttl_ms: count("ttl_ms"),
    build_version: text("build_version"),
    labels: Object.fromEntries(
      Object.entries(shape.object(raw["labels"], `${where}.labels`)).map(([name, label]) => [
        name,
        shape.string(label, `${where}.labels.${name}`),
      ]),
    ),
    last_write_seq: count("last_write_seq"),
  };
}

function parseExecutor(shape: JsonShape, raw: RawObject, where: string): ExecutorEntry {
  const state = raw["state"];
  if (state !== "active" && state !== "draining") {
    return shape.fail(`${where}.state`, `is ${JSON.stringify(state)}, not active or draining`);
  }
  return { ...raw, instance_id: shape.string(raw["instance_id"], `${where}.instance_id`), state };
}
