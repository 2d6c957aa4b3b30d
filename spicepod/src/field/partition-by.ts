import { describeKind, type Tree } from "../tree/tree.ts";
import type { Kind } from "./field.ts";
import type { Report } from "./report.ts";

/** One partition expression with the name of its directory level (spec chapter 03). */
export interface PartitionKey {
  readonly name: string;
  /** SQL as written; what it may be is decided where the table's schema is known. */
  readonly expression: string;
}

const keyName = "[A-Za-z0-9_]+";

/** The list of partition expressions; names default to `expr0`, `expr1`, … by position. */
export function partitionBy(): Kind<readonly PartitionKey[]> {
  return {
    read(tree, report) {
      if (tree.kind === "null") return [];
      if (tree.kind !== "list") {
        const suggestion = tree.kind === "string" ? `[${JSON.stringify(tree.value)}]` : undefined;
        const message = `must be a list of expressions, found ${describeKind(tree)}.`;
        return report.at(tree, message, { suggestion });
      }
      const keys: PartitionKey[] = [];
      tree.items.forEach((item, i) => {
        const key = readKey(item, i, report);
        if (key === undefined) return;
        if (keys.some(({ name }) => name.toLowerCase() === key.name.toLowerCase())) {
          report.at(item, `partition_by[${i}]: the name \`${key.name}\` is taken by another expression.`);
        } else keys.push(key);
      });
      return keys;
    },
    schema: {
      type: ["array", "null"],
      items: {
        oneOf: [
          { type: "string", minLength: 1 },
          {
            type: "object",
            minProperties: 1,
            maxProperties: 1,
            patternProperties: { [`^${keyName}$`]: { type: "string", minLength: 1 } },
            additionalProperties: false,
          },
        ],
      },
    },
  };
}

function readKey(item: Tree, i: number, report: Report): PartitionKey | undefined {
  if (item.kind === "string") return named(`expr${i}`, item.value, item, i, report);
  if (item.kind !== "map") {
    return report.at(
      item,
      `partition_by[${i}]: expected a string expression or a single-entry \`{name: expression}\` mapping, found ${describeKind(item)}`,
    );
  }
  const [entry] = item.entries;
  if (entry === undefined || item.entries.length !== 1) {
    return report.at(
      item,
      `partition_by[${i}]: named partition must be a single-entry mapping of \`name: expression_string\`, found ${item.entries.length} entries`,
    );
  }
  const { name, value } = entry;
  if (value.kind !== "string") {
    return report.at(
      item,
      `partition_by[${i}]: named partition value for \`${name}\` must be a string expression`,
    );
  }
  if (!new RegExp(`^${keyName}$`).test(name)) {
    return report.at(
      item,
      `partition_by[${i}]: the name \`${name}\` must contain only ASCII letters, digits and underscores.`,
    );
  }
  return named(name, value.value, item, i, report);
}

function named(
  name: string,
  expression: string,
  item: Tree,
  i: number,
  report: Report,
): PartitionKey | undefined {
  if (expression.trim() === "") return report.at(item, `partition_by[${i}]: the expression is empty.`);
  return { name, expression: expression.trim() };
}
