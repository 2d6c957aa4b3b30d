/** A place in a spicepod: the path of a field and where it stands in the text (both count from 1). */
export interface Place {
  /** For example `datasets[0].acceleration.refresh_mode`; the empty string is the file itself. */
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong with a spicepod, or (as a warning) worth knowing. */
export interface Problem extends Place {
  readonly message: string;
  /** The value found, as short text. Absent for parameters and other values that may be secret. */
  readonly value?: string;
  /** The nearest known name or value. */
  readonly suggestion?: string;
  /** A stable word for programs, where the specification names one. */
  readonly code?: "PartitionByRequired";
}

/**
 * One line for people: `spicepod.yaml:12: datasets[0].name: message Did you mean …?`.
 * `file` is the name to print before the line number.
 */
export function formatProblem(problem: Problem, file = "spicepod.yaml"): string {
  const path = problem.path === "" ? "" : `${problem.path}: `;
  const value = problem.value === undefined ? "" : ` Found: ${problem.value}.`;
  const hint = problem.suggestion === undefined ? "" : ` Did you mean \`${problem.suggestion}\`?`;
  return `${file}:${problem.line}: ${path}${problem.message}${value}${hint}`;
}

/** Thrown by callers that cannot go on with a broken spicepod; its message has one line per problem. */
export class SpicepodError extends Error {
  override readonly name = "SpicepodError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], file?: string) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    super(
      [`The spicepod has ${count}:`, ...problems.map((problem) => `  ${formatProblem(problem, file)}`)].join(
        "\n",
      ),
    );
    this.problems = problems;
  }
}
