import type { ChaosNode } from "./nodes.ts";

export interface ExecutorView {
  readonly id: string;
  readonly state: string;
  readonly partitions: number;
  readonly loaded: number;
  readonly moving: number;
}

export interface ClusterView {
  readonly revision: number;
  readonly app_generation: number;
  readonly schedulers: readonly { readonly id: string }[];
  readonly executors: readonly ExecutorView[];
  readonly tables: readonly { readonly name: string; readonly partitions: { readonly total: number } }[];
}

export interface PartitionView {
  readonly value: Readonly<Record<string, string | null>>;
  readonly owner: string | null;
  readonly epoch: number;
  readonly state: string;
}

/** An endpoint of a node as JSON; throws for every other answer than 200. */
export async function ask<T>(node: ChaosNode, path: string, body?: unknown): Promise<T> {
  if (node.url === undefined) throw new Error(`${node.name} is not running`);
  const response = await fetch(`${node.url}${path}`, {
    method: body === undefined ? "GET" : "POST",
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(15_000),
  });
  const text = await response.text();
  if (response.status !== 200 && response.status !== 201) {
    throw new Error(`${node.name} ${path}: HTTP ${response.status} ${text}`);
  }
  return (text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text) as T;
}
