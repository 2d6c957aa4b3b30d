import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
} from "yaml";
import type { Problem } from "../problem.ts";
import { childPath, type Tree } from "./tree.ts";

/** A document that grows past these by its aliases is refused, so that a small file cannot exhaust memory. */
const maxNodes = 200_000;
const maxDepth = 40;

class Unusable extends Error {}

function tooLarge(): Unusable {
  return new Unusable("The aliases of this file expand to too much or too deep.");
}

function targetOf<T>(target: T | undefined, open: ReadonlySet<unknown>): T {
  if (target === undefined) throw new Unusable("An alias of this file names no anchor before it.");
  if (open.has(target)) throw new Unusable("An alias of this file refers to itself.");
  return target;
}

/**
 * Parses YAML 1.2 (JSON is part of it) into a tree that keeps places. Problems are syntax errors with their lines;
 * the tree is absent when there are any.
 */
export function treeFromYaml(text: string): { tree?: Tree; problems: readonly Problem[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const position = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems: Problem[] = document.errors.map((error) => ({
    path: "",
    ...position(error.pos[0]),
    message:
      error.code === "MULTIPLE_DOCS"
        ? "This file has several YAML documents (`---`); a spicepod is one."
        : `This is not valid YAML: ${error.message}`,
  }));
  if (problems.length > 0) return { problems };

  let nodes = 0;
  const open = new Set<unknown>();
  const targets = new Map<Alias, ReturnType<Alias["resolve"]>>();
  const resolved = (alias: Alias) => {
    if (!targets.has(alias)) targets.set(alias, alias.resolve(document));
    return targets.get(alias);
  };
  const build = (node: unknown, path: string, fallback: number): Tree => {
    if (++nodes > maxNodes || open.size > maxDepth) throw tooLarge();
    const offset = (node as Node | null)?.range?.[0] ?? fallback;
    const place = { path, ...position(offset) };
    if (isAlias(node)) {
      const target = targetOf(resolved(node), open);
      return { ...build(target, path, offset), ...place };
    }
    if (isScalar(node)) return { ...place, ...scalar(node.value, node.source) };
    if (!isSeq(node) && !isMap(node)) return { ...place, kind: "null" };
    open.add(node);
    try {
      if (isSeq(node)) {
        const items = node.items.map((item, i) => build(item, `${path}[${i}]`, offset));
        return { ...place, kind: "list", items };
      }
      const entries = pairs(node.items).map(({ name, key, value }) => {
        const at = (key as Node | null)?.range?.[0] ?? offset;
        const here = childPath(path, name);
        return { name, place: { path: here, ...position(at) }, value: build(value, here, at) };
      });
      return { ...place, kind: "map", entries };
    } finally {
      open.delete(node);
    }
  };
  const pairs = (items: readonly Pair[]) => {
    const own = new Map<string, { name: string; key: unknown; value: unknown }>();
    const merged = new Map<string, { name: string; key: unknown; value: unknown }>();
    for (const { key, value } of items) {
      const name = String(isScalar(key) ? key.value : key);
      if (++nodes > maxNodes) throw tooLarge();
      if (name !== "<<") {
        own.set(name, { name, key, value });
        continue;
      }
      for (const source of isSeq(value) ? value.items : [value]) {
        const target = isAlias(source) ? targetOf(resolved(source), open) : source;
        if (!isMap(target)) throw new Unusable("A merge key (`<<`) of this file does not name a mapping.");
        open.add(target);
        for (const pair of pairs(target.items)) if (!merged.has(pair.name)) merged.set(pair.name, pair);
        open.delete(target);
      }
    }
    return [...own.values(), ...[...merged.values()].filter(({ name }) => !own.has(name))];
  };
  try {
    return { tree: build(document.contents, "", 0), problems };
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    return { problems: [{ path: "", line: 1, column: 1, message: error.message }] };
  }
}

function scalar(value: unknown, source: string | undefined) {
  if (value === null || value === undefined) return { kind: "null" } as const;
  if (typeof value === "boolean") return { kind: "boolean", value } as const;
  if (typeof value === "number") return { kind: "number", value, text: source ?? String(value) } as const;
  return { kind: "string", value: String(value) } as const;
}
