import type { JoinEdge } from "../bound/join-edges.ts";
import type { UseRead } from "./table-reads.ts";

/** Rows of one use that matter only where a column's value occurs in a column of another use. */
export interface Reduction {
  readonly target: number;
  readonly targetColumn: number;
  readonly source: number;
  readonly sourceColumn: number;
}

/** An edge between uses of tables. */
export type UseEdge = Reduction;

/** Types whose values can be written into another fragment as keys, and compare there as they do here. */
const keyTypes =
  /^(?:TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|U(?:TINY|SMALL|BIG)?INT(?:EGER)?|VARCHAR|DATE|UUID)$/;

/** How much rarer rows are taken to be behind a filter. */
const filterFactor = 0.1;

/** Edges of a plan's shadows as edges of uses. */
export function useEdges(
  edges: readonly JoinEdge[],
  useOf: (shadow: string) => number | undefined,
): readonly UseEdge[] {
  return edges.flatMap(({ target, source }) => {
    const [to, from] = [useOf(target.shadow), useOf(source.shadow)];
    if (to === undefined || from === undefined) return [];
    return [{ target: to, targetColumn: target.column, source: from, sourceColumn: source.column }];
  });
}

/**
 * Choose which gathered tables are fetched only as far as their rows have partners in others (spec chapter 07, Gather:
 * semi-join reductions). A table is reduced by much smaller ones, which are fetched before it; so there is no circle.
 *
 * @param minRows smaller tables are fetched at once: waiting for another costs more than their rows.
 */
export function chooseReductions(
  edges: readonly UseEdge[],
  gathered: readonly UseRead[],
  minRows: number,
): readonly Reduction[] {
  const reads = new Map(gathered.map((read) => [read.use.index, read]));
  const sizes = new Map(gathered.map((read) => [read.use.index, estimatedRows(read)]));
  const chosen = new Map<string, Reduction>();
  for (const edge of edges) {
    const target = reads.get(edge.target);
    const source = reads.get(edge.source);
    if (target === undefined || source === undefined) continue;
    // A use that is scanned in several places is joined in some of them only.
    if (target.needs.filters.length !== 1) continue;
    const [large, small] = [sizes.get(edge.target) ?? 0, sizes.get(edge.source) ?? 0];
    if (rowsOf(target) < minRows || small * 4 > large) continue;
    if (columnType(target, edge.targetColumn) !== columnType(source, edge.sourceColumn)) continue;
    if (!keyTypes.test(columnType(target, edge.targetColumn))) continue;
    chosen.set(JSON.stringify(edge), edge);
  }
  return [...chosen.values()];
}

function columnType(read: UseRead, column: number): string {
  return read.use.table.columns[column]?.type ?? "";
}

function rowsOf(read: UseRead): number {
  return read.partitions.reduce((sum, index) => sum + (read.use.table.partitions[index]?.rows ?? 0), 0);
}

function estimatedRows(read: UseRead): number {
  const filtered = read.needs.filters.every((conjuncts) => conjuncts.length > 0);
  return rowsOf(read) * (filtered ? filterFactor : 1);
}
