import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parser } from "@prometheus-io/lezer-promql";
import { Registry } from "prom-client";
import { parse } from "yaml";
import { type MetricSpec, metricTable } from "../../../runtime/src/observe/metric-table.ts";
import { operatorMetrics } from "../../src/metrics.ts";
import { reviewMetrics } from "../../src/webhook/review-metrics.ts";

const files = join(import.meta.dirname, "..", "..", "..", "charts", "spiceai-operator", "files");

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const { groups } = parse(readFileSync(join(files, "alerts.yaml"), "utf8")) as {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);

interface Dashboard {
  readonly uid: string;
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets: readonly { readonly expr: string }[];
  }[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
}

const dashboards = readdirSync(join(files, "dashboards")).map(
  (file) => [file, JSON.parse(readFileSync(join(files, "dashboards", file), "utf8")) as Dashboard] as const,
);

/** Labels by metric: what a node or the operator exports, with what Prometheus adds as it scrapes. */
function exported(): ReadonlyMap<string, ReadonlySet<string>> {
  const registry = new Registry();
  operatorMetrics(registry);
  reviewMetrics(registry);
  const known = new Map<string, ReadonlySet<string>>();
  const add = (name: string, type: string, labels: readonly string[], scraped: readonly string[]) => {
    const suffixes = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    for (const suffix of suffixes)
      known.set(
        `${name}${suffix}`,
        new Set([...labels, ...scraped, ...(suffix === "_bucket" ? ["le"] : [])]),
      );
  };
  for (const each of registry.getMetricsAsArray()) {
    const { labelNames } = each as never as { readonly labelNames: string[] };
    add(each.name, each.constructor.name.toLowerCase(), labelNames, ["namespace", "pod", "job"]);
  }
  for (const { name, type, labels = [] } of metricTable as readonly MetricSpec[])
    add(name, type, labels, ["namespace", "pod", "job", "spice_ai_cluster", "spice_ai_cluster_role"]);
  return known;
}

interface Query {
  readonly errors: readonly string[];
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
}

/** What an expression names, by Prometheus' own grammar. */
function read(expr: string): Query {
  // Grafana's variables stand for durations and texts.
  const text = expr.replaceAll("$__rate_interval", "5m");
  const found = { errors: [] as string[], metrics: [] as string[], labels: [] as string[] };
  parser.parse(text).iterate({
    enter: ({ name, type, from, to }) => {
      const part = text.slice(from, to);
      if (type.isError) found.errors.push(`at ${from}: ${part}`);
      else if (name === "VectorSelector") found.metrics.push(/^\w+/.exec(part)?.[0] ?? part);
      else if (name === "LabelName") found.labels.push(part);
    },
  });
  return found;
}

const known = exported();

function expectQuery(expr: string): void {
  const { errors, metrics, labels } = read(expr);
  expect([expr, errors]).toEqual([expr, []]);
  expect(metrics.length).toBeGreaterThan(0);
  for (const metric of metrics) expect([...known.keys()]).toContain(metric);
  for (const label of labels)
    expect([expr, label, metrics.some((metric) => known.get(metric)?.has(label))]).toEqual([
      expr,
      label,
      true,
    ]);
}

test("the reader of expressions finds what is wrong", () => {
  expect(read('sum by (a) (rate(b_total{c="d"}[5m])) > 0')).toEqual({
    errors: [],
    metrics: ["b_total"],
    labels: ["a", "c"],
  });
  expect(read("sum by (a (b)").errors).not.toEqual([]);
  expect(read("rate(b[5x])").errors).not.toEqual([]);
  expect(() => expectQuery("up_and_away == 0")).toThrow();
  expect(() => expectQuery("sum by (shard) (query_executions)")).toThrow();
});

describe("alert rules", () => {
  test.each(rules.map((rule) => [rule.alert, rule] as const))("%s can be evaluated", (_, rule) => {
    expectQuery(rule.expr);
    expect(rule.for).toMatch(/^\d+[mh]$/);
    expect(["warning", "critical"]).toContain(rule.labels.severity);
    // What an annotation says of an instance must be a label that is left.
    const said = `${rule.annotations.summary} ${rule.annotations.description}`;
    const kept = [...rule.expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/, */));
    for (const [, label] of said.matchAll(/\$labels\.(\w+)/g)) expect(kept).toContain(label);
    expect(rule.annotations.summary).toMatch(/\.$/);
  });

  test("have names of their own, and one for each thing that can go wrong", () => {
    const names = rules.map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
    for (const name of [
      "SpiceExecutorLost",
      "SpicePartitionsUnassigned",
      "SpiceDataStale",
      "SpiceCertificateExpires",
      "SpiceStateCommitConflicts",
    ])
      expect(names).toContain(name);
  });
});

describe.each(dashboards)("dashboard %s", (_, dashboard) => {
  test("asks for what is exported", () => {
    for (const { targets } of dashboard.panels) for (const { expr } of targets) expectQuery(expr);
    for (const { query } of dashboard.templating.list) {
      const [, selector] = /^label_values\((.*), \w+\)$/.exec(query) ?? [];
      if (selector !== undefined) expectQuery(selector);
    }
  });

  test("has variables for all that it refers to, and panels that do not overlap", () => {
    const text = JSON.stringify(dashboard.panels);
    const given = new Set(dashboard.templating.list.map(({ name }) => name));
    for (const [, name = ""] of text.matchAll(/\$\{?(\w+)/g))
      if (!name.startsWith("__")) expect(given).toContain(name);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) => {
      expect(x + w).toBeLessThanOrEqual(24);
      return Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });
});
