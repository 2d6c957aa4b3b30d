/** Where a process can be told to die: what a crash there leaves behind is what the cluster must cope with. */
export type FaultPoint =
  | "before-cluster-put"
  | "after-cluster-put"
  | "before-acknowledgement"
  | "mid-load"
  | "before-swap"
  | "in-fragment";

interface Armed {
  readonly point: string;
  left: number;
}

const armed = parse(process.env["SPICED_FAULT"]);

/**
 * A named place in the code at which a test may let the process end. `SPICED_FAULT=POINT:kill` sends it SIGKILL when
 * it gets there, `POINT:kill:N` at the Nth time. Without the variable this is one comparison.
 */
export function faultPoint(name: FaultPoint): void {
  if (armed === undefined || armed.point !== name) return;
  armed.left -= 1;
  if (armed.left === 0) process.kill(process.pid, "SIGKILL");
}

/** Throws for a text that would never fire: a test of nothing must not pass. */
function parse(text: string | undefined): Armed | undefined {
  if (text === undefined || text === "") return undefined;
  const match = /^([a-z-]+):kill(?::([1-9]\d*))?$/.exec(text);
  if (match === null) throw new Error(`SPICED_FAULT needs POINT:kill or POINT:kill:N, not ${text}`);
  return { point: match[1]!, left: Number(match[2] ?? 1) };
}
