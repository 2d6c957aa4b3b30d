const colours: Readonly<Record<string, string>> = {
  trace: "\u001b[90m",
  debug: "\u001b[36m",
  info: "\u001b[32m",
  warn: "\u001b[33m",
  error: "\u001b[31m",
  fatal: "\u001b[35m",
};
const dim = "\u001b[2m";
const reset = "\u001b[0m";

/** One JSON log line as a person likes to read it on a terminal. */
export function humanLine(line: string): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const { level, time, message, module, node_id: _node, err, ...rest } = record;
  const word = String(level);
  const clock = typeof time === "string" ? time.slice(11, 23) : "";
  const fields = Object.entries(rest).map(([key, value]) => `${key}=${fieldText(value)}`);
  const head = `${dim}${clock}${reset} ${colours[word] ?? ""}${word.toUpperCase().padEnd(5)}${reset}`;
  const origin = module === undefined ? "" : ` ${dim}${String(module)}${reset}`;
  const tail = fields.length === 0 ? "" : ` ${dim}${fields.join(" ")}${reset}`;
  return `${head}${origin} ${String(message ?? "")}${tail}\n${errorText(err)}`;
}

function fieldText(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text === "" || /\s/.test(text) ? JSON.stringify(value) : text;
}

function errorText(err: unknown): string {
  if (typeof err !== "object" || err === null) return "";
  const { stack, message } = err as { stack?: unknown; message?: unknown };
  return `${String(stack ?? message ?? JSON.stringify(err)).replace(/^/gm, "    ")}\n`;
}
