import { JsonShape } from "../document/json-shape.ts";

/** `heartbeats/{scheduler_id}.json`: one small file per scheduler, written by it alone (spec chapter 04). */
export interface HeartbeatFile {
  readonly scheduler_id: string;
  readonly instance_id: string;
  /** Grows with every write: what observers watch. */
  readonly counter: number;
  readonly ttl_ms: number;
  /** Information only. */
  readonly last_heartbeat_ms: number;
  /** The beat counter of each executor that this scheduler hears. */
  readonly executors: Readonly<Record<string, ExecutorBeat>>;
  /** Async queries that run here. */
  readonly queries: readonly string[];
}

export interface ExecutorBeat {
  readonly instance_id: string;
  readonly counter: number;
}

export function heartbeatKey(schedulerId: string): string {
  return `heartbeats/${schedulerId}.json`;
}

export function printHeartbeat(file: HeartbeatFile): Uint8Array {
  return Buffer.from(JSON.stringify(file));
}

/** Throws a CorruptDocumentError that names the file. */
export function parseHeartbeat(body: Uint8Array, path: string): HeartbeatFile {
  const shape = new JsonShape(`Heartbeat at ${path}`, "Remove this object; its scheduler writes it anew");
  const raw = shape.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  return {
    ...raw,
    scheduler_id: shape.string(raw["scheduler_id"], "scheduler_id"),
    instance_id: shape.string(raw["instance_id"], "instance_id"),
    counter: shape.count(raw["counter"], "counter"),
    ttl_ms: shape.count(raw["ttl_ms"], "ttl_ms"),
    last_heartbeat_ms: shape.count(raw["last_heartbeat_ms"], "last_heartbeat_ms"),
    executors: shape.entries(raw["executors"], "executors", (item, where) => ({
      instance_id: shape.string(item["instance_id"], `${where}.instance_id`),
      counter: shape.count(item["counter"], `${where}.counter`),
    })),
    queries: shape.strings(raw["queries"], "queries"),
  };
}
