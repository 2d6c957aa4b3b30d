import { type ChangingTable, payload } from "./changing-source.ts";

export type Row = Record<string, unknown>;

/** A statement with what its answer has to be, whichever generations are served. */
export interface Question {
  readonly sql: string;
  /** What is wrong with an answer, or the generations that it saw by `table/partition`. */
  check(rows: readonly Row[]): Verdict;
}

export type Verdict =
  | { readonly kind: "exact"; readonly seen: ReadonlyMap<string, number> }
  | { readonly kind: "wrong"; readonly why: string };

const wrong = (why: string): Verdict => ({ kind: "wrong", why });

/** The questions that clients put, over tables whose ids are 0 to `rows` − 1. */
export function questionsOver(tables: readonly ChangingTable[]): readonly Question[] {
  const [ledger, items] = tables as readonly [ChangingTable, ChangingTable];
  return [
    ...tables.flatMap((table) => [perPartition(table), totals(table), everyRow(table), top(table)]),
    ...[0, 7, 1_000, ledger.rows - 1].map((id) => point(ledger, id)),
    point(items, 10),
    joined(ledger, items),
  ];
}

/** One generation a partition, all its rows, and the sums that follow. */
function perPartition({ name, partition, truth }: ChangingTable): Question {
  return {
    sql: `SELECT ${partition} AS p, count(*) AS n, sum(id) AS s, min(gen) AS lo, max(gen) AS hi, sum(v) AS v FROM ${name} GROUP BY 1 ORDER BY 1`,
    check(rows) {
      const seen = new Map<string, number>();
      if (rows.length !== truth.size) return wrong(`${rows.length} partitions of ${truth.size}`);
      for (const row of rows) {
        const key = String(row["p"]);
        const expected = truth.get(key);
        const [n, s, lo, hi, v] = ["n", "s", "lo", "hi", "v"].map((c) => Number(row[c])) as [
          number,
          number,
          number,
          number,
          number,
        ];
        if (expected === undefined || seen.has(`${name}/${key}`)) return wrong(`partition ${key}`);
        if (n !== expected.rows || s !== expected.ids || lo !== hi) {
          return wrong(
            `partition ${key}: ${JSON.stringify(row)}, rows ${expected.rows}, ids ${expected.ids}`,
          );
        }
        if (v !== expected.ids * 31 + expected.rows * lo * 7) return wrong(`payload ${JSON.stringify(row)}`);
        seen.set(`${name}/${key}`, lo);
      }
      return { kind: "exact", seen };
    },
  };
}

function totals({ name, rows: total }: ChangingTable): Question {
  return constant(
    `SELECT count(*) AS n, sum(id) AS s, count(DISTINCT id) AS d, min(id) AS lo, max(id) AS hi FROM ${name}`,
    { n: total, s: (total * (total - 1)) / 2, d: total, lo: 0, hi: total - 1 },
  );
}

function joined(a: ChangingTable, b: ChangingTable): Question {
  const n = Math.min(a.rows, b.rows);
  return constant(`SELECT count(*) AS n, sum(a.id) AS s FROM ${a.name} a JOIN ${b.name} b ON a.id = b.id`, {
    n,
    s: (n * (n - 1)) / 2,
  });
}

function everyRow({ name, rows: total }: ChangingTable): Question {
  const ids = Array.from({ length: total }, (_, id) => id);
  return rowsOf(`SELECT id, gen, v FROM ${name} ORDER BY id`, ids);
}

function top({ name, rows: total }: ChangingTable): Question {
  const ids = [1, 2, 3, 4, 5].map((i) => total - i);
  return rowsOf(`SELECT id, gen, v FROM ${name} ORDER BY id DESC LIMIT 5`, ids);
}

function point({ name }: ChangingTable, id: number): Question {
  return rowsOf(`SELECT id, gen, v FROM ${name} WHERE id = ${id}`, [id]);
}

/** Exactly these ids, in this order, each row whole. */
function rowsOf(sql: string, ids: readonly number[]): Question {
  return {
    sql,
    check(rows) {
      if (rows.length !== ids.length) return wrong(`${rows.length} rows of ${ids.length}`);
      const at = rows.findIndex(
        ({ id, gen, v }, i) => Number(id) !== ids[i] || Number(v) !== payload(Number(id), Number(gen)),
      );
      if (at >= 0) return wrong(`row ${at}: ${JSON.stringify(rows[at])}, expected id ${ids[at]}`);
      return { kind: "exact", seen: new Map() };
    },
  };
}

function constant(sql: string, expected: Readonly<Record<string, number>>): Question {
  return {
    sql,
    check(rows) {
      const row = rows[0] ?? {};
      const same =
        rows.length === 1 && Object.entries(expected).every(([c, value]) => Number(row[c]) === value);
      return same
        ? { kind: "exact", seen: new Map() }
        : wrong(`${JSON.stringify(rows)}, expected ${JSON.stringify(expected)}`);
    },
  };
}
