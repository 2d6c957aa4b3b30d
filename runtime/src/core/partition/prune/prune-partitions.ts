import type { Predicate } from "../../predicate/predicate.ts";
import type { Scalar } from "../../predicate/scalar.ts";
import type { BoundPartitionExpression } from "../expression/bind.ts";
import { lowerAscii, matchKey } from "../expression/canonical.ts";
import { alternativesOf } from "./alternatives.ts";
import type { Base } from "./atom.ts";
import { accepts, type KeyFilter, keyFilter } from "./key-filter.ts";

/** Which partitions of a table a query has to read. */
export interface PruneResult {
  /** Positions in the given list, ascending. */
  readonly kept: number[];
  /** Why, in a few words, for EXPLAIN. */
  readonly reason: string;
}

/**
 * From a query's filter, the partitions that can hold matching rows (spec chapter 03, Pruning). Never leaves out one
 * that can; a partition is left out when no row with its values can make the filter true. `partitions` hold one
 * canonical text or null per expression, in order.
 *
 * How: the filter becomes alternatives, each a set of ranges for the columns (and for the partition expressions
 * themselves, where the filter names them). For each partition expression the ranges become a filter on its values,
 * once; then each partition is looked up.
 */
export function prunePartitions(
  partitionBy: readonly BoundPartitionExpression[],
  partitions: readonly { readonly values: readonly (string | null)[] }[],
  predicate: Predicate,
): PruneResult {
  const alternatives = alternativesOf(predicate, basesOf(partitionBy)).map((alternative) =>
    partitionBy.map((key) =>
      keyFilter(key, alternative.get(ownId(key)), alternative.get(columnId(key.column.name))),
    ),
  );
  const all = () => Array.from(partitions, (_, i) => i);
  if (partitionBy.length === 0 && alternatives.length > 0) return { kept: all(), reason: "not partitioned" };
  if (alternatives.length === 0) return { kept: [], reason: "the filter is never true" };
  if (alternatives.some((filters) => filters.every((filter) => filter === undefined))) {
    return { kept: all(), reason: "no filter on a partition column" };
  }
  const tests = alternatives.map(testOf);
  const kept: number[] = [];
  for (let i = 0; i < partitions.length; i++) {
    const { values } = partitions[i]!;
    if (tests.some((test) => test(values))) kept.push(i);
  }
  return { kept, reason: reasonOf(partitionBy, alternatives) };
}

const columnId = (name: string) => `column ${lowerAscii(name)}`;
const ownId = (key: BoundPartitionExpression) => `key ${key.matchKey}`;

function basesOf(partitionBy: readonly BoundPartitionExpression[]): Base[] {
  const bases = new Map<string, Base>();
  for (const key of partitionBy) {
    const id = columnId(key.column.name);
    const name = lowerAscii(key.column.name);
    bases.set(id, {
      id,
      type: key.column.type,
      accepts: (node) =>
        node.kind === "column" && lowerAscii(node.name) === name && node.collation === undefined,
    });
  }
  const texts = new Map<Scalar, string>();
  const textOf = (node: Scalar) => {
    const known = texts.get(node);
    if (known !== undefined) return known;
    const text = hasCollation(node) ? "" : matchKey(node);
    texts.set(node, text);
    return text;
  };
  for (const key of partitionBy) {
    if (key.transform.kind === "plain" && key.scalar.kind === "column") continue;
    bases.set(ownId(key), {
      id: ownId(key),
      type: key.type,
      accepts: (node) =>
        (node.kind === "call" || node.kind === "arithmetic" || node.kind === "cast") &&
        textOf(node) === key.matchKey,
    });
  }
  return [...bases.values()];
}

function hasCollation(node: Scalar): boolean {
  switch (node.kind) {
    case "column":
      return node.collation !== undefined;
    case "literal":
      return false;
    case "cast":
      return hasCollation(node.operand);
    case "call":
      return node.args.some(hasCollation);
    case "arithmetic":
      return hasCollation(node.left) || hasCollation(node.right);
  }
}

function testOf(
  filters: readonly (KeyFilter | undefined)[],
): (values: readonly (string | null)[]) => boolean {
  const used = filters.flatMap((filter, at) => (filter === undefined ? [] : [{ filter, at }]));
  const [only] = used;
  if (used.length === 1 && only !== undefined) return (values) => accepts(only.filter, values[only.at]!);
  return (values) => used.every(({ filter, at }) => accepts(filter, values[at]!));
}

function reasonOf(
  partitionBy: readonly BoundPartitionExpression[],
  alternatives: readonly (readonly (KeyFilter | undefined)[])[],
): string {
  const used = partitionBy.filter((_, i) => alternatives.some((filters) => filters[i] !== undefined));
  const [first] = alternatives;
  return used
    .map((key) => {
      const allowed = alternatives.length === 1 ? first![partitionBy.indexOf(key)]?.allowed : undefined;
      if (allowed === undefined) return `${key.text} by range`;
      return allowed.size <= 3
        ? `${key.text} in (${[...allowed].map((text) => JSON.stringify(text)).join(", ")})`
        : `${key.text} in ${allowed.size} values`;
    })
    .join(" and ");
}
