import { expect, test } from "@jest/globals";
import type { Client } from "@spice-shards/kube";
import { ReadyWatch } from "../../operator/test/kube/support/ready-watch.ts";
import { leaveBundle } from "../../operator/test/support/leave-bundle.ts";
import { ClientPod } from "./client-pod.ts";
import { storyClient } from "./kube-client.ts";
import { Kubectl } from "./kubectl.ts";
import { NodePods } from "./node-pods.ts";
import { OwnershipWatch } from "./ownership-watch.ts";
import { PodWatch } from "./pod-watch.ts";
import { startPostgresPod } from "./postgres-pod.ts";
import { startS3Pod } from "./s3-pod.ts";
import { showing } from "./step.ts";
import { ordersQuery, storyQuery } from "./story-data.ts";

export const ofCluster = "spice.ai/cluster=sales";
const operators = "app.kubernetes.io/name=spiceai-operator";

/** What is promised of queries while something happens. No answer is ever wrong. */
export type Promised = "none fails" | "some may fail";

/** What runs as long as the story. */
interface Running {
  readonly client: Client;
  close(): void;
  readonly nodes: NodePods;
  readonly pods: PodWatch;
  readonly operatorPods: PodWatch;
  readonly owners: OwnershipWatch;
  readonly ready: ReadyWatch;
}

/** One installation, on which the steps of a story follow each other, under queries and under watch. */
export class Story {
  readonly data = new Kubectl("story-data");
  readonly system = new Kubectl("spice-system");
  readonly cluster = new Kubectl("default");
  readonly #figures: string[] = [];
  #parts: Running | undefined;
  #asking: ClientPod | undefined;
  #failed: string | undefined;

  /** Servers, watchers, and a pod on every node; the operator is not there yet. */
  async begin(): Promise<void> {
    await this.cluster.apply({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "story-data", labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
    });
    const { client, close } = await storyClient();
    const [nodes] = await Promise.all([NodePods.start(), startS3Pod(this.data), startPostgresPod(this.data)]);
    const pods = new PodWatch(client, "story-data");
    const operatorPods = new PodWatch(client, "spice-system");
    await Promise.all([pods.start(), operatorPods.start()]);
    const owners = new OwnershipWatch(client, () => pods.ready("scheduler"));
    this.#parts = { client, close, nodes, pods, operatorPods, owners, ready: new ReadyWatch(client) };
  }

  async end(): Promise<void> {
    console.log(this.#figures.join("\n"));
    if (this.#parts === undefined) return;
    const { nodes, pods, operatorPods, owners, ready, close } = this.#parts;
    await Promise.all([owners.stop(), pods.stop(), operatorPods.stop(), ready.stop(), nodes.stop()]);
    close();
  }

  get client(): Client {
    return this.#running.client;
  }

  get nodes(): NodePods {
    return this.#running.nodes;
  }

  get pods(): PodWatch {
    return this.#running.pods;
  }

  get operatorPods(): PodWatch {
    return this.#running.operatorPods;
  }

  get owners(): OwnershipWatch {
    return this.#running.owners;
  }

  /** Follows the condition Ready, from when there is such a resource. */
  get ready(): ReadyWatch {
    return this.#running.ready;
  }

  /** The pod that asks all the time. */
  get asking(): ClientPod {
    if (this.#asking === undefined) throw new Error("the story has no client yet");
    return this.#asking;
  }

  get #running(): Running {
    if (this.#parts === undefined) throw new Error("the story has not begun");
    return this.#parts;
  }

  /** The steps follow each other: one that fails leaves a bundle, and those after it are not tried. */
  step(what: string, run: () => Promise<void>): void {
    test(what, async () => {
      if (this.#failed !== undefined) throw new Error(`not tried, since this failed: ${this.#failed}`);
      const began = performance.now();
      try {
        await showing([this.data, this.system], run);
      } catch (error) {
        this.#failed = what;
        const target = { namespace: "story-data", cluster: "sales", operatorNamespace: "spice-system" };
        if (this.#parts !== undefined) await leaveBundle(what, { client: this.client, ...target });
        throw error;
      }
      this.note(`${((performance.now() - began) / 1000).toFixed(1)} s  ${what}`);
    }, 300_000);
  }

  /** Keeps a line for the end of the run. */
  note(figure: string): void {
    this.#figures.push(figure);
  }

  async startAsking(): Promise<void> {
    const { STORY_TRUTH = "", STORY_ORDERS_TRUTH = "" } = process.env;
    this.#asking = await ClientPod.start(this.data, "sales", [
      { sql: storyQuery, truth: STORY_TRUTH },
      { sql: ordersQuery, truth: STORY_ORDERS_TRUTH },
    ]);
  }

  /** What the client was told since the last time. In the end there are right answers again, and nothing else. */
  async answers(what: string, promised: Promised): Promise<void> {
    const counts = await this.asking.phase(10);
    this.note(`  ${what}: ${JSON.stringify(counts)}`);
    expect({ what, ...counts }).toMatchObject({ what, wrong: 0 });
    if (promised === "none fails") expect({ what, ...counts }).toMatchObject({ failed: 0, last: "" });
    const after = promised === "none fails" ? await this.asking.phase(5) : await this.asking.recovered(5);
    expect({ what, ...after }).toMatchObject({ what, wrong: 0, failed: 0, last: "" });
  }

  patch(spec: object): Promise<string> {
    return this.data.run(
      "patch",
      "spicepodcluster/sales",
      "--type=merge",
      `--patch=${JSON.stringify({ spec })}`,
    );
  }

  /** Ends both operators at once: nobody frees the Lease, and who comes knows nothing of what was under way. */
  async killOperators(): Promise<void> {
    await this.system.run("delete", "pods", `--selector=${operators}`, "--force", "--grace-period=0");
  }
}
