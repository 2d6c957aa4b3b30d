import { PassThrough } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import { Log } from "./log.ts";
import { parseLogLevels } from "./log-level.ts";
import { mergeMetrics } from "./merge-metrics.ts";
import { metricTable } from "./metric-table.ts";
import { Metrics } from "./metrics.ts";
import { parseTraceparent } from "./trace-context.ts";

function logged(levels: string, write: (log: Log) => void, human = false): string {
  const destination = new PassThrough();
  const log = new Log({ levels: parseLogLevels(levels), base: { node_id: "n1" }, destination, human });
  write(log);
  return destination.read()?.toString() ?? "";
}

describe("Log", () => {
  test("writes JSON lines with level, module, node and fields", () => {
    const line = JSON.parse(logged("info", (log) => log.module("query").info({ query_id: "q" }, "Done")));
    expect(line).toMatchObject({
      level: "info",
      node_id: "n1",
      module: "query",
      query_id: "q",
      message: "Done",
    });
    expect(line.time).toMatch(/^\d{4}-.*Z$/);
  });

  test("has a level for each module", () => {
    const text = logged("warn,query=debug", (log) => {
      log.module("query").debug("seen");
      log.module("refresh").info("hidden");
    });
    expect(text).toMatch(/seen/);
    expect(text).not.toMatch(/hidden/);
    expect(() => parseLogLevels("loud")).toThrow(/SPICED_LOG: loud.*Levels: trace, debug/);
    expect(() => parseLogLevels("=debug")).toThrow(/MODULE=LEVEL/);
    expect(parseLogLevels(undefined, 1).base).toBe("debug");
    expect(parseLogLevels("error", 2).base).toBe("error");
  });

  test("never writes a secret: by field, nested, in a child, or inside an error's text", () => {
    const text = logged("info", (log) => {
      log.redactor.addSecret('p"w 1234');
      const module = log.module("source");
      module.info({ pg_pass: "hunter2", params: [{ api_key: "k1" }], Authorization: "Bearer x" }, "Connect");
      module.error({ err: new Error('cannot connect: password=p"w 1234') }, 'with p"w 1234');
      module.info({ url: `postgres://u:${encodeURIComponent('p"w 1234')}@h/` }, "URL");
    });
    for (const secret of ["hunter2", "k1", "Bearer x", "w 1234", "w%201234"])
      expect(text).not.toContain(secret);
    expect(
      text
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line).level),
    ).toEqual(["info", "error", "info"]);
  });

  test("reads well on a terminal", () => {
    const text = logged("info", (log) => log.module("http").warn({ rows: 3, note: "a b" }, "Slow"), true);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes
    expect(text.replace(/\u001b\[\d+m/g, "")).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} WARN {2}http Slow rows=3 note="a b"\n$/,
    );
  });
});

describe("Metrics", () => {
  test("exposes every series of its role at zero, with exact names", async () => {
    const metrics = new Metrics({ role: "single", nodeId: "n" });
    metrics.addDataset("flights");
    const text = await metrics.text();
    metrics.close();
    for (const { name, type } of metricTable) {
      expect(text).toContain(`# TYPE ${name} ${type}\n`);
      if (name === "http_requests_duration_ms") continue;
      expect(text).toMatch(new RegExp(`^${name}(_count)?(\\{[^}]*\\})? \\d`, "m"));
    }
    expect(text).toContain('query_failures{err_code="invalid"} 0');
    expect(text).toContain('dataset_acceleration_refresh_errors{dataset="flights"} 0');
    expect(text).toContain('node_status{node_id="n",role="single"} 1');
    expect(text).toMatch(/^process_resident_memory_bytes [1-9]\d{6,}$/m);
  });

  test("shows each role its own series, and forgets datasets", async () => {
    const metrics = new Metrics({ role: "executor", nodeId: "n" });
    metrics.addDataset("gone");
    metrics.counter("cluster_state_commits").inc({ result: "committed" });
    metrics.removeDataset("gone");
    const text = await metrics.text();
    metrics.close();
    expect(text).toContain("executor_tasks_total 0");
    expect(text).not.toContain("cluster_state_commits");
    expect(text).not.toContain('dataset="gone"');
  });
});

test("mergeMetrics labels each sample with its node, once", () => {
  const one =
    '# HELP a x\n# TYPE a counter\na 1\na{b="c"} 2\n\n# TYPE s gauge\ns{node_id="own",role="r"} 1\n';
  const two = "# HELP a x\n# TYPE a counter\na 5\n";
  expect(
    mergeMetrics([
      { nodeId: 'n"1', text: one },
      { nodeId: "n2", text: two },
    ]),
  ).toBe(
    `# HELP a x
# TYPE a counter
a{node_id="n\\"1"} 1
a{node_id="n\\"1",b="c"} 2
a{node_id="n2"} 5

# TYPE s gauge
s{node_id="own",role="r"} 1
`,
  );
});

describe("trace context", () => {
  test("reads traceparent", () => {
    const header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const parent = parseTraceparent(header)!;
    expect(parent).toEqual({
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      spanId: "00f067aa0ba902b7",
      sampled: true,
    });
  });

  test.each([
    undefined,
    "",
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
  ])("ignores %s", (header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });
});
