import type { ClusterDocument } from "../document/document.ts";

/**
 * Why a spicepod with these tables cannot come into force: a table that keeps files has other partition expressions
 * than those its files were made with (spec chapter 04, Changed `partition_by`). Undefined when it can.
 */
export function changedPartitioning(
  document: ClusterDocument,
  tables: readonly {
    readonly name: string;
    readonly expressions: readonly string[];
    readonly onChangedExpressions: "keep" | "rebuild";
  }[],
): string | undefined {
  const problems = tables.flatMap(({ name, expressions, onChangedExpressions }) => {
    const recorded = document.accelerations[name]?.partition_expressions;
    if (recorded === undefined || onChangedExpressions === "rebuild") return [];
    if (sameExpressions(recorded, expressions)) return [];
    return [`${name}: ${changedText} Its files have ${recorded.join(", ") || "no partitions"}.`];
  });
  return problems.length === 0 ? undefined : problems.join("\n");
}

const changedText =
  "The 'partition_by' expressions are different from the expressions used to create the existing partition files. " +
  "Revert the 'partition_by' expressions, delete the partition files, or change the location the partition files " +
  "are stored to create new partitions.";

/** Are these the same canonical expressions in the same order? */
export function sameExpressions(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}
