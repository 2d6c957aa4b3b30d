const levels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

export type LogLevel = (typeof levels)[number];

/** The level of each module, and of those that are not named. */
export interface LogLevels {
  readonly base: LogLevel;
  readonly modules: ReadonlyMap<string, LogLevel>;
}

/**
 * Parse `SPICED_LOG`: a level, levels by module, or both (`info,query=debug`). `verbosity` (`-v`, `-vv`) lowers the
 * base when the variable does not set it. Throws an error that names the part that is wrong.
 */
export function parseLogLevels(text: string | undefined, verbosity: 0 | 1 | 2 = 0): LogLevels {
  let base: LogLevel = verbosity === 2 ? "trace" : verbosity === 1 ? "debug" : "info";
  const modules = new Map<string, LogLevel>();
  for (const part of (text ?? "").split(",")) {
    const trimmed = part.trim();
    if (trimmed === "") continue;
    const [name, level, extra] = trimmed.split("=");
    if (level === undefined) base = known(name!, trimmed);
    else if (name === "" || extra !== undefined)
      throw new Error(`SPICED_LOG: ${trimmed} is not MODULE=LEVEL`);
    else modules.set(name!, known(level, trimmed));
  }
  return { base, modules };
}

function known(word: string, part: string): LogLevel {
  const level = levels.find((l) => l === word.trim().toLowerCase());
  if (level === undefined) {
    throw new Error(`SPICED_LOG: ${part}: ${word} is not a level. Levels: ${levels.join(", ")}`);
  }
  return level;
}
