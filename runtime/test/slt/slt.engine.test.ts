import { globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { compareAnswers, everyColumn } from "../corpus/compare.ts";
import { InProcessCluster } from "../differential/in-process-cluster.ts";
import { parseSlt, printRow, type SltRecord } from "./parse-slt.ts";

/** `UPDATE_SLT=1` writes the answers of one DuckDB into the files, to be reviewed as text. */
const update = process.env["UPDATE_SLT"] === "1";

for (const file of globSync("*.slt", { cwd: import.meta.dirname }).sort()) {
  const path = join(import.meta.dirname, file);
  const text = readFileSync(path, "utf8");
  const records = parseSlt(text);
  describe(basename(file, ".slt"), () => {
    for (const [executors, ungrouped] of update
      ? [[3, false] as const]
      : ([
          [1, false],
          [3, false],
          [5, true],
        ] as const)) {
      test(`${executors} executors${ungrouped ? ", without partial grouping" : ""}`, async () => {
        const cluster = await start(records, executors, ungrouped);
        try {
          const problems: string[] = [];
          const answers = new Map<SltRecord, readonly string[]>();
          for (const record of records) {
            const problem = await check(cluster, record, executors > 1, answers);
            if (problem !== undefined) problems.push(`${file}:${record.line}: ${problem}`);
          }
          if (update) writeFileSync(path, withAnswers(text, records, answers));
          expect(problems).toEqual([]);
        } finally {
          await cluster.close();
        }
      });
    }
  });
}

function start(
  records: readonly SltRecord[],
  executors: number,
  ungrouped: boolean,
): Promise<InProcessCluster> {
  const tables = records.filter((r) => r.kind === "table");
  const views = records.filter((r) => r.kind === "view");
  return InProcessCluster.start({
    tables: tables.map(({ name, partitionBy, select }) => ({ name, partitionBy, select })),
    views: Object.fromEntries(views.map(({ name, select }) => [name, select])),
    executors,
    ungrouped,
  });
}

async function check(
  cluster: InProcessCluster,
  record: SltRecord,
  distributed: boolean,
  answers: Map<SltRecord, readonly string[]>,
): Promise<string | undefined> {
  if (record.kind === "error") {
    const failed = await cluster.query(record.sql).then(
      () => "no error",
      (error: Error) => error.message,
    );
    return new RegExp(record.pattern).test(failed) ? undefined : `expected ${record.pattern}, got: ${failed}`;
  }
  if (record.kind !== "query") return undefined;
  try {
    const truth = await cluster.truth(record.sql);
    const answer = await cluster.query(record.sql);
    const lines = truth.rows.map(printRow);
    answers.set(record, record.sort === "rowsort" ? [...lines].sort() : lines);
    const differs = compareAnswers(truth, answer, record.sort === "nosort" ? everyColumn(truth) : []);
    if (differs !== undefined) return `${differs.message} [${answer.stats.strategy}]`;
    if (!update && record.expected.join("\n") !== answers.get(record)?.join("\n")) {
      return "one DuckDB does not give what the file says";
    }
    if (distributed && record.strategy !== undefined && answer.stats.strategy !== record.strategy) {
      return `strategy ${answer.stats.strategy} instead of ${record.strategy}`;
    }
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The text of the file with the answers under its queries. */
function withAnswers(
  text: string,
  records: readonly SltRecord[],
  answers: ReadonlyMap<SltRecord, readonly string[]>,
): string {
  const byLine = new Map(records.map((record) => [record.line, record]));
  let line = 1;
  const blocks = text
    .trimEnd()
    .split(/\n{2,}/)
    .map((block) => {
      const lines = block.split("\n");
      const start = lines.findIndex((l) => l.trim() !== "" && !l.startsWith("#"));
      const record = byLine.get(line + start);
      line += lines.length + 1;
      const rows = record === undefined ? undefined : answers.get(record);
      if (rows === undefined) return block;
      const cut = lines.indexOf("----");
      return [...(cut < 0 ? lines : lines.slice(0, cut)), "----", ...rows].join("\n");
    });
  return `${blocks.join("\n\n").trimEnd()}\n`;
}
