/** The answer of `/v1/ready` (spec chapter 04, Readiness). */
export interface Readiness {
  readonly status: 200 | 400 | 503;
  readonly body: string;
}

export interface TableReadiness {
  readonly name: string;
  /** Partitions of the table in the cluster document; 0 with `known` false before its first discovery. */
  readonly partitions: number;
  /** How many of them were loaded at least once. */
  readonly loaded: number;
  readonly known: boolean;
}

export interface SchedulerReadinessInput {
  /** Every accelerated table of the spicepod in force. */
  readonly tables: readonly TableReadiness[];
  /** Executors with an open control stream here, and those of them whose partitions are all loaded. */
  readonly executors: { readonly registered: number; readonly ready: number };
  readonly parameters: ReadyParameters;
}

/** Query parameters as they stand in the URL. */
export interface ReadyParameters {
  readonly min_ready_executors?: string;
  readonly min_ready_executors_percent?: string;
  readonly verbose?: string;
}

/** Readiness of a scheduler: every partition of every table loaded once, and the executor gates, where given. */
export function schedulerReadiness(input: SchedulerReadinessInput): Readiness {
  const gates = parseGates(input.parameters);
  if ("problem" in gates) return { status: 400, body: gates.problem };
  const { registered, ready } = input.executors;
  const lines: { ok: boolean; text: string }[] = input.tables.map((table) => ({
    ok: table.known && table.loaded >= table.partitions,
    text: table.known
      ? `table ${table.name}: ${table.loaded} of ${table.partitions} partitions loaded`
      : `table ${table.name}: partitions not discovered yet`,
  }));
  if (gates.count > 0) {
    lines.push({ ok: ready >= gates.count, text: `executors: ${ready} ready, ${gates.count} required` });
  }
  if (gates.percent > 0) {
    lines.push({
      ok: registered > 0 && ready * 100 >= gates.percent * registered,
      text: `executors: ${ready} of ${registered} ready, ${gates.percent} % required`,
    });
  }
  return verdict(lines, input.parameters);
}

/** Readiness of an executor: its assigned partitions are loaded. It knows no other executor, so it has no gates. */
export function executorReadiness(
  assigned: number,
  loaded: number,
  joined: boolean,
  parameters: ReadyParameters,
): Readiness {
  const gates = parseGates(parameters);
  if ("problem" in gates) return { status: 400, body: gates.problem };
  if (gates.count > 0 || gates.percent > 0) {
    return {
      status: 400,
      body: "executor gates (min_ready_executors, min_ready_executors_percent) require scheduler role; this runtime has no executor registry",
    };
  }
  return verdict(
    [
      { ok: joined, text: joined ? "cluster: joined" : "cluster: no scheduler gave an assignment yet" },
      { ok: loaded >= assigned, text: `partitions: ${loaded} of ${assigned} loaded` },
    ],
    parameters,
  );
}

/** `?scope=node`: can this node itself work? Never depends on a source or on another node. */
export function nodeReadiness(canWork: boolean, reason: string, parameters: ReadyParameters): Readiness {
  return verdict([{ ok: canWork, text: reason }], parameters);
}

function verdict(lines: readonly { ok: boolean; text: string }[], parameters: ReadyParameters): Readiness {
  const ok = lines.every((line) => line.ok);
  const word = ok ? "ready" : "not ready";
  const verbose = parameters.verbose !== undefined && parameters.verbose !== "false";
  const body = verbose
    ? [...lines.map((line) => `${line.ok ? "[+]" : "[-]"} ${line.text}`), word].join("\n")
    : word;
  return { status: ok ? 200 : 503, body };
}

function parseGates(parameters: ReadyParameters): { count: number; percent: number } | { problem: string } {
  const count = wholeNumber(parameters.min_ready_executors);
  if (count === undefined) return { problem: "min_ready_executors must be a whole number from 0 up" };
  const percent = wholeNumber(parameters.min_ready_executors_percent);
  if (percent === undefined || percent > 100) {
    return { problem: "min_ready_executors_percent must be between 0 and 100" };
  }
  return { count, percent };
}

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined) return 0;
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
