import { setTimeout as delay } from "node:timers/promises";
import { expect } from "@jest/globals";
import { builtInAccelerators } from "../../src/adapters/engine/registry.ts";
import { compileApp } from "../../src/bin/compile-app.ts";
import type { App } from "../../src/core/app/app.ts";
import type { TableHolder } from "../../src/executor/table-holder.ts";
import { tableHolder } from "../../src/executor/table-holder-of.ts";
import type { Draw } from "../support/draw.ts";
import { partitions, type SharedSource, type StressBed } from "./stress-bed.ts";

/** Where and how a dataset is stored. */
export const layouts = ["arrow", "memory", "files", "tables"] as const;
export type Layout = (typeof layouts)[number];

interface Opened {
  readonly holder: TableHolder;
  readonly source: SharedSource;
  readonly layout: Layout;
  stop(): Promise<void>;
}

/**
 * One name of a dataset on an executor, whose datasets follow each other: each is opened by a real holder, loads what it is
 * told to, is refreshed, asked, takes and gives partitions, and is closed. Same seed, same steps.
 */
export class DatasetLife {
  readonly #name: string;
  readonly #bed: StressBed;
  readonly #draw: Draw;
  readonly #layouts: readonly Layout[];
  readonly #wanted = new Map<string, number>();
  #opened: Opened | undefined;
  #epoch = 0;
  #requests = 0;
  /** What was done, for a failure's message. */
  readonly done: string[] = [];

  constructor(name: string, bed: StressBed, draw: Draw, layouts: readonly Layout[]) {
    this.#name = name;
    this.#bed = bed;
    this.#draw = draw;
    this.#layouts = layouts;
  }

  async live(steps: number): Promise<void> {
    for (let i = 0; i < steps; i += 1) {
      await this.#step();
      await delay(this.#draw.below(20));
    }
  }

  /** Start anew, as when a spicepod changes this dataset. */
  async replace(): Promise<void> {
    this.#did("replace");
    await this.close();
    this.#open();
    this.#hold(this.#some());
  }

  /** Hold everything once more in the last layout, whose files are the only ones, and give it up. */
  async finish(): Promise<void> {
    const last = this.#layouts.at(-1)!;
    if (this.#opened?.layout !== last) await this.close();
    this.#open(last);
    this.#hold(partitions);
    await this.#loaded();
    await this.#ask();
    this.#hold([]);
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.stop();
  }

  async #step(): Promise<void> {
    if (this.#opened === undefined) {
      this.#open();
      this.#hold(this.#some());
      return;
    }
    switch (this.#draw.below(10)) {
      case 0:
      case 1:
        return this.#hold(this.#some());
      case 2:
      case 3:
        return this.#refresh();
      case 4:
      case 5:
        return this.#ask();
      case 6:
        await this.#loaded();
        return this.#ask();
      case 7:
        await this.#loaded();
        return this.#refresh();
      case 8:
        this.#did("close");
        return this.close();
      default:
        return this.replace();
    }
  }

  #open(layout = this.#pick(this.#layouts)): void {
    if (this.#opened !== undefined) return;
    const source = this.#pick(this.#bed.sources);
    this.#did(`open ${layout} from ${source.from}`);
    const app = appOf(this.#name, source, layout, this.#draw.below(3) === 0);
    const table = app.tables[0]!;
    const holder = tableHolder(
      table,
      this.#bed.means(() => app),
    );
    const stop = new AbortController();
    const running = holder.run(stop.signal);
    running.catch(() => undefined); // Whoever stops it is told.
    this.#opened = {
      holder,
      source,
      layout,
      async stop() {
        stop.abort(new Error("the dataset closes"));
        await running;
      },
    };
  }

  #hold(keys: readonly string[]): void {
    const { holder, layout } = this.#opened!;
    const values = layout === "memory" ? (keys.length > 0 ? [[]] : []) : keys.map((key) => [key]);
    const held = new Map(values.map((v) => [JSON.stringify(v), v]));
    for (const key of this.#wanted.keys()) if (!held.has(key)) this.#wanted.delete(key);
    this.#epoch += 1;
    for (const key of held.keys()) if (!this.#wanted.has(key)) this.#wanted.set(key, this.#epoch);
    this.#did(`hold ${[...held.keys()].join(" ")}`);
    holder.hold({
      table: `spice.public.${this.#name}`,
      revision: this.#epoch,
      expressions: layout === "memory" ? [] : ["part"],
      partitions: [...this.#wanted].map(([key, epoch]) => ({ key, epoch, role: "owner" as const })),
    });
  }

  #refresh(): void {
    const { holder } = this.#opened!;
    this.#did("refresh");
    try {
      this.#requests += 1;
      holder.request(`${this.#name} ${this.#requests}`, { force: true });
    } catch (error) {
      expect((error as Error).message).toBe("the dataset is not open yet");
    }
  }

  /** Ask each loaded partition for its rows, twice over one pin. */
  async #ask(): Promise<void> {
    const { holder, source, layout } = this.#opened!;
    this.#did("ask");
    const keys = holder.partitions().map(({ key }) => key);
    const whole = layout === "memory" ? partitions.length : 1;
    const sum = whole * ((source.rows * (source.rows - 1)) / 2);
    for (const key of keys) {
      // Looked up anew: a refresh may have come in between, and versions of the past are not kept for long.
      const held = holder.partitions().find((p) => p.key === key && p.loaded);
      if (held === undefined) continue;
      const { epoch, version } = held;
      const pinned = this.#bed.store.pin(`spice.public.${this.#name}`, [{ key, epoch, version }]);
      try {
        const part = layout === "memory" ? "true" : `part = '${String(JSON.parse(key)[0])}'`;
        const union = pinned.relations.map((r) => `SELECT * FROM ${r}`).join(" UNION ALL ");
        for (let i = 0; i < 2; i += 1) {
          expect(
            await this.#bed.database.rows(
              `SELECT count(*)::INT AS n, sum(id)::INT AS ids, bool_and(${part}) AS own FROM (${union})`,
            ),
          ).toEqual([{ n: whole * source.rows, ids: sum, own: true }]);
        }
      } finally {
        pinned.release();
      }
    }
  }

  /** Everything that is wanted is loaded, or a failure says why not. */
  async #loaded(): Promise<void> {
    const { holder } = this.#opened!;
    this.#did("wait");
    const until = performance.now() + 60_000;
    for (;;) {
      const { assigned, loaded, error } = holder.state;
      if (loaded === assigned && holder.partitions().length >= assigned) return;
      if (performance.now() > until) {
        throw new Error(`${this.#name} loaded ${loaded} of ${assigned} partitions in a minute: ${error}`);
      }
      await delay(5);
    }
  }

  #some(): readonly string[] {
    const some = partitions.filter(() => this.#draw.below(3) > 0);
    return some.length > 0 ? some : [partitions[0]];
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#draw.below(list.length)]!;
  }

  #did(what: string): void {
    this.done.push(`${Math.round(performance.now())} ${what}`);
  }
}

const engineLines: Readonly<Record<Layout, readonly string[]>> = {
  arrow: ["engine: arrow", "partition_by: [part]"],
  memory: ["engine: duckdb", "mode: memory"],
  files: ["engine: duckdb", "mode: file", "partition_by: [part]"],
  tables: ["engine: duckdb", "mode: file", "partition_by: [part]", "params: { partition_mode: tables }"],
};

const indexLines = ["primary_key: (id, part)", "indexes: { id: enabled }"];

function appOf(name: string, source: SharedSource, layout: Layout, indexed: boolean): App {
  const text = `version: v1
kind: Spicepod
name: stress
datasets:
  - from: ${source.from}
    name: ${name}
    params: ${JSON.stringify(source.params)}
    acceleration:
      refresh_on_startup: always
${[...engineLines[layout], ...(indexed ? indexLines : [])].map((line) => `      ${line}\n`).join("")}`;
  return compileApp(text, {
    file: "spicepod.yaml",
    mode: "single",
    registry: builtInAccelerators(),
    warn: () => {},
  });
}
