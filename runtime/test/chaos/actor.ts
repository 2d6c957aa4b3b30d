import { setTimeout as delay } from "node:timers/promises";
import type { Draw } from "../support/draw.ts";
import type { ChaosBed } from "./chaos-bed.ts";
import { ask } from "./cluster-view.ts";
import type { ChaosNode } from "./nodes.ts";
import type { Await, Step, Who } from "./script.ts";

/** Carries out the steps of one script on a bed, and undoes at the end whatever they left broken. */
export class Actor {
  /** Names of the nodes that a step touched: what happens to them is no surprise. */
  readonly hurt = new Set<string>();
  readonly #bed: ChaosBed;
  readonly #draw: Draw;
  readonly #parts = new Map<Who, string>();
  readonly #drained = new Set<string>();
  #variant = false;

  constructor(bed: ChaosBed, draw: Draw) {
    this.#bed = bed;
    this.#draw = draw;
    const dealt = ["e0", "e1", "e2", "e3", "e4"];
    for (const part of [...dealt]) {
      this.#parts.set(part, dealt.splice(draw.below(dealt.length), 1)[0]!);
    }
  }

  async play(step: Step): Promise<void> {
    const { journal, network, store } = this.#bed;
    const nodes = "who" in step && step.do !== "until" ? await this.#nodes(step.who ?? []) : [];
    const names = nodes.map(({ name }) => name);
    journal.note(`${JSON.stringify(step)}${names.length === 0 ? "" : ` = ${names.join(", ")}`}`);
    for (const name of names) this.hurt.add(name);
    switch (step.do) {
      case "kill":
        await Promise.all(nodes.map((node) => node.kill()));
        return;
      case "stop":
        await Promise.all(nodes.map((node) => node.stop()));
        return;
      case "freeze":
        for (const node of nodes) node.freeze();
        return;
      case "thaw":
        for (const node of nodes) node.thaw();
        return;
      case "start":
        await Promise.all(names.map((name) => this.#bed.startNode(name)));
        return;
      case "restart":
        await Promise.all(nodes.map((node) => node.stop()));
        await Promise.all(names.map((name) => this.#bed.startNode(name)));
        return;
      case "replace":
        for (const node of nodes) await node.rename();
        await Promise.all(names.map((name) => this.#bed.startNode(name)));
        return;
      case "cut": {
        const [a, b] = [await this.#names(step.a), await this.#names(step.b)];
        for (const name of [...a, ...b]) this.hurt.add(name);
        network.between(a, b, step.mode);
        return;
      }
      case "s3": {
        const { oneIn } = step;
        const hits = oneIn === undefined ? undefined : () => this.#draw.below(oneIn) === 0;
        store.inject(names, step.fault, {
          ...(step.method === undefined ? {} : { method: step.method }),
          ...(hits === undefined ? {} : { hits }),
        });
        return;
      }
      case "drain":
      case "undrain":
        for (const node of nodes) await this.#drain(node, step.do === "undrain");
        return;
      case "refresh":
        for (const { name } of this.#bed.source.tables) {
          const path = `/v1/datasets/${name}/acceleration/refresh`;
          await this.#onAny((scheduler) => ask(scheduler, path, {}));
        }
        return;
      case "spicepod":
        this.#variant = step.variant;
        await this.#bed.writeSpicepod(step.variant);
        return;
      case "clock":
        for (const node of nodes) node.signal("SIGUSR2");
        return;
      case "mend":
        network.heal();
        store.heal();
        return;
      case "wait":
        await delay(step.ms);
        return;
      case "until":
        await this.#until(step.what, await this.#nodes(step.who ?? []), step.withinMs);
        return;
      default:
        step satisfies never;
    }
  }

  /** Undo everything: links, store, frozen and dead nodes, drains, the spicepod. */
  async heal(): Promise<void> {
    const bed = this.#bed;
    bed.journal.note("heal");
    bed.network.heal();
    bed.store.heal();
    for (const node of bed.nodes.values()) if (node.frozen) node.thaw();
    const dead = [...bed.nodes.values()].filter((node) => !node.alive && node.name !== "e5");
    await Promise.all(dead.map(({ name }) => bed.startNode(name)));
    if (this.#variant) await bed.writeSpicepod(false);
    for (const name of this.#drained) await this.#drain(bed.node(name), true);
    if (bed.nodes.has("e5")) await this.#leave();
  }

  /** The executor that joined goes again, as one that is scaled down: drained, then stopped. */
  async #leave(): Promise<void> {
    const node = this.#bed.node("e5");
    if (node.alive) {
      await this.#drain(node, false);
      await this.#until("drained", [node], 60_000);
    }
    await this.#bed.removeExecutor("e5");
  }

  async #drain(node: ChaosNode, undrain: boolean): Promise<void> {
    if (undrain) this.#drained.delete(node.name);
    else this.#drained.add(node.name);
    try {
      await this.#onAny((scheduler) => ask(scheduler, "/v1/cluster/drain", { executor: node.id, undrain }));
    } catch (error) {
      // Lost meanwhile, and not back yet: then no drain is left either.
      if (!undrain || !String(error).includes("HTTP 404")) throw error;
    }
  }

  /** Try on each scheduler, until one does it within 20 s. */
  async #onAny<T>(call: (scheduler: ChaosNode) => Promise<T>): Promise<T> {
    const untilMs = performance.now() + 20_000;
    for (;;) {
      let last: unknown = new Error("no scheduler runs");
      for (const scheduler of this.#bed.schedulers.filter((s) => s.excuse === undefined)) {
        try {
          return await call(scheduler);
        } catch (error) {
          last = error;
        }
      }
      if (performance.now() > untilMs) throw last;
      await delay(200);
    }
  }

  async #until(what: Await, nodes: readonly ChaosNode[], withinMs: number): Promise<void> {
    const untilMs = performance.now() + withinMs;
    while (!(await this.#happened(what, nodes))) {
      if (performance.now() > untilMs) {
        throw new Error(`${what} ${nodes.map(({ name }) => name).join(", ")}: not within ${withinMs} ms`);
      }
      await delay(20);
    }
    this.#bed.journal.note(`seen: ${what} ${nodes.map(({ name }) => name).join(", ")}`);
  }

  async #happened(what: Await, nodes: readonly ChaosNode[]): Promise<boolean> {
    const document = this.#bed.history.last;
    const partitions = Object.values(document?.accelerations ?? {}).flatMap((table) => table.partitions);
    switch (what) {
      case "learning":
        return partitions.some(({ learners }) => learners.length > 0);
      case "removed":
        return nodes.every(({ id }) => document?.executors[id] === undefined);
      case "ready":
        return nodes.every(({ routedUrl }) => routedUrl !== undefined);
      case "joined":
        return nodes.every(({ id }) => document?.executors[id] !== undefined);
      case "drained":
        return nodes.every(({ id }) =>
          partitions.every((p) => !p.assigned_executors.includes(id) && !p.learners.includes(id)),
        );
      case "condition": {
        const texts = this.#bed.schedulers.map((s) =>
          ask<{ notices?: string[] }>(s, "/v1/status").catch(() => ({})),
        );
        return JSON.stringify(await Promise.all(texts)).includes("Partitions do not move");
      }
      default:
        return what satisfies never;
    }
  }

  async #nodes(who: readonly Who[]): Promise<readonly ChaosNode[]> {
    return (await this.#names(who)).filter((name) => name !== "s3").map((name) => this.#bed.node(name));
  }

  async #names(who: readonly Who[]): Promise<readonly string[]> {
    const names: string[] = [];
    for (const each of who) {
      if (each === "schedulers") names.push(...this.#bed.schedulers.map(({ name }) => name));
      else if (each === "executors") names.push(...this.#bed.executors.map(({ name }) => name));
      else names.push(await this.#part(each));
    }
    return names;
  }

  async #part(who: Who): Promise<string> {
    const known = this.#parts.get(who);
    if (known !== undefined) return known;
    const name = await this.#cast(who);
    this.#parts.set(who, name);
    return name;
  }

  async #cast(who: Who): Promise<string> {
    switch (who) {
      case "driver":
      case "follower":
      case "follower2": {
        const sorted = Object.keys(this.#bed.history.last?.schedulers ?? {}).sort();
        const running = sorted.flatMap((id) => this.#bed.byId(id) ?? []);
        return running[["driver", "follower", "follower2"].indexOf(who)]!.name;
      }
      case "learner": {
        await this.#until("learning", [], 15_000);
        const tables = Object.values(this.#bed.history.last?.accelerations ?? {});
        const learner = tables.flatMap((t) => t.partitions.flatMap((p) => p.learners))[0];
        const node = learner === undefined ? undefined : this.#bed.byId(learner);
        if (node === undefined) throw new Error("the learner was gone before it could be named");
        return node.name;
      }
      case "e5":
        return this.#bed.nodes.get("e5")?.name ?? this.#bed.addExecutor("e5").name;
      default:
        return who;
    }
  }
}
