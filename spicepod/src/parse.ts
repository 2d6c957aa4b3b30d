import type { EngineTable } from "./capabilities.ts";
import { runChecks } from "./check/check.ts";
import { CheckContext, type CheckOptions } from "./check/context.ts";
import { Report } from "./field/report.ts";
import { spicepodSection } from "./fields/spicepod.ts";
import type { Spicepod } from "./model.ts";
import { normalize } from "./normalize.ts";
import type { Problem } from "./problem.ts";
import { treeFromYaml } from "./tree/from-yaml.ts";
import { locationsOf } from "./tree/locations.ts";

export interface ParseOptions {
  /** Run the checks at start too (spec chapter 02). Without it only the shape of the file is judged. */
  readonly checks?: CheckOptions;
  /** Fills in the default of `mode`; those of `checks` when absent. */
  readonly engines?: EngineTable;
}

/** A spicepod, with what is worth a line in the log; or everything that is wrong with it, in the file's order. */
export type ParseResult =
  | { readonly spicepod: Spicepod; readonly warnings: readonly Problem[]; readonly problems?: undefined }
  | {
      readonly problems: readonly Problem[];
      readonly warnings: readonly Problem[];
      readonly spicepod?: undefined;
    };

/**
 * Reads a spicepod (spec chapter 02). Never throws for anything that the text may hold. All problems are reported
 * together: those of the shape and, with `checks`, those of the meaning, as far as the shape lets it be judged.
 */
export function parseSpicepod(text: string, options: ParseOptions = {}): ParseResult {
  const { tree, problems } = treeFromYaml(text);
  if (tree === undefined) return { problems, warnings: [] };
  const report = new Report();
  if (tree.kind === "null") {
    report.at(tree, "The spicepod is empty.");
    return { problems: report.problems, warnings: [] };
  }
  const locations = locationsOf(tree);
  const written = spicepodSection.read(tree, report);
  if (written === undefined) return { problems: report.problems, warnings: [] };
  const engines = options.engines ?? options.checks?.engines;
  const spicepod = normalize(written, { report, locations, engines });
  if (options.checks !== undefined) {
    runChecks(new CheckContext(spicepod, tree, locations, options.checks, report));
  }
  const warnings = inOrder(report.warnings);
  return report.problems.length > 0
    ? { problems: inOrder(report.problems), warnings }
    : { spicepod, warnings };
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}
