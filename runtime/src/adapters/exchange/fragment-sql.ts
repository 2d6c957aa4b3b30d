import type { WireColumn } from "../../core/query/wire-type.ts";
import { decodeSelect, emptyWireRelation, encodeSelect } from "../../core/query/wire-type.ts";
import { quoteIdentifier } from "../../core/sql/quote.ts";

/** A scan of a fragment, bound to the relations that hold its pinned partitions. */
export interface BoundScan {
  readonly name: string;
  readonly relations: readonly string[];
  readonly columns: readonly WireColumn[];
}

/** SELECT of all rows of a scan; a scan without relations gives no row of the right columns. */
export function scanSelect(scan: BoundScan): string {
  if (scan.relations.length === 0) return decodeSelect(emptyWireRelation(scan.columns), scan.columns);
  return scan.relations.map((relation) => `SELECT * FROM ${relation}`).join(" UNION ALL ");
}

/**
 * The statement that an executor runs: the fragment over its scans, with the result in wire form. NOT MATERIALIZED
 * keeps filters and projections flowing into the relations.
 */
export function fragmentSql(
  sql: string,
  scans: readonly BoundScan[],
  columns: readonly WireColumn[],
): string {
  return `${withScans(scans)}${encodeSelect(sql, columns)}`;
}

/**
 * The fragment over its scans with its result as it is. A scan of one relation is read under the relation's own name:
 * planning a common table expression takes longer than looking up a row.
 */
export function plainFragmentSql(sql: string, scans: readonly BoundScan[]): string {
  const [scan, ...more] = scans;
  const direct = scan === undefined || more.length > 0 ? undefined : overRelation(sql, scan);
  return direct === undefined
    ? `${withScans(scans)}SELECT * FROM (${sql}\n) AS f`
    : `SELECT * FROM (${direct}\n) AS f`;
}

const quoted = /'(?:[^']|'')*'|"(?:[^"]|"")*"/g;

/** The text with a scan's only relation in place of its name; undefined where that could be another statement. */
function overRelation(sql: string, { name, relations }: BoundScan): string | undefined {
  const [relation, ...more] = relations;
  // A relation has row ids, which a scan has not.
  if (relation === undefined || more.length > 0 || /\browid\b/i.test(sql)) return undefined;
  let found = false;
  const text = sql.replaceAll(quoted, (token) => {
    if (token !== quoteIdentifier(name)) return token;
    found = true;
    return relation;
  });
  return found ? text : undefined;
}

/** How many rows of a scan are looked at before grouping is given up (performance reference, 2.1). */
export const sampleRows = 100_000;

/**
 * A statement that gives `total` and `groups` of the rows that `ungrouped` makes of about {@link sampleRows} rows,
 * spread over at most 16 relations. `keys` are result columns of `ungrouped`. Undefined where there is nothing to
 * sample.
 */
export function sampleSql(scan: BoundScan, ungrouped: string, keys: readonly string[]): string | undefined {
  const step = Math.max(1, Math.ceil(scan.relations.length / 16));
  const relations = scan.relations.filter((_, i) => i % step === 0);
  if (relations.length === 0 || keys.length === 0) return undefined;
  const each = Math.ceil(sampleRows / relations.length);
  const rows = relations.map((relation) => `(SELECT * FROM ${relation} LIMIT ${each})`).join(" UNION ALL ");
  const items = keys.map(quoteIdentifier).join(", ");
  return (
    `WITH ${quoteIdentifier(scan.name)} AS NOT MATERIALIZED (${rows}), ` +
    `sampled AS MATERIALIZED (SELECT ${items} FROM (${ungrouped})) ` +
    "SELECT (SELECT count(*) FROM sampled) AS total, (SELECT count(*) FROM (SELECT DISTINCT * FROM sampled)) AS groups"
  );
}

function withScans(scans: readonly BoundScan[]): string {
  if (scans.length === 0) return "";
  const items = scans.map(
    (scan) => `${quoteIdentifier(scan.name)} AS NOT MATERIALIZED (${scanSelect(scan)})`,
  );
  return `WITH ${items.join(", ")} `;
}
