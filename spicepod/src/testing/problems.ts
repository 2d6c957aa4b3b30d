import type { CheckOptions } from "../check/context.ts";
import { parseSpicepod } from "../parse.ts";
import { formatProblem } from "../problem.ts";
import { testEngines } from "./engines.ts";
import { testSources } from "./sources.ts";

/** Checks as a cluster makes them, with all engines there and nothing unavailable. */
export const everything: CheckOptions = {
  mode: "cluster",
  engines: testEngines,
  sources: testSources,
  unavailable: [],
};

/** Checks as this version makes them: two engines, and the list of what is not available. */
export const thisVersion: CheckOptions = {
  mode: "cluster",
  engines: { arrow: testEngines.arrow, duckdb: testEngines.duckdb },
  sources: testSources,
};

/** The problems of a text as lines `path: message`, with the hint where there is one. */
export function problemsOf(text: string, checks?: CheckOptions): readonly string[] {
  const { problems = [] } = parseSpicepod(text, checks === undefined ? {} : { checks });
  return problems.map((problem) => formatProblem({ ...problem, line: 0 }).replace(/^spicepod\.yaml:0: /, ""));
}

/** A spicepod with one dataset `t` that has these lines under `acceleration`. */
export function accelerated(...lines: readonly string[]): string {
  return ["datasets:", "  - from: file:t.parquet", "    name: t", "    acceleration:"]
    .concat(lines.map((line) => `      ${line}`))
    .join("\n");
}
