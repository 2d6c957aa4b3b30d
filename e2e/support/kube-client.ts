import { Client, loadKubeConfig, systemClock, systemRandom, Transport } from "@spice-shards/kube";

/** A client of the story's cluster; `close` ends its connections. */
export async function storyClient(): Promise<{ readonly client: Client; close(): void }> {
  const file = process.env["STORY_KUBECONFIG"];
  if (file === undefined) throw new Error("STORY_KUBECONFIG is not set; run: make test TIER=pods");
  const transport = new Transport(await loadKubeConfig({ file }));
  const client = new Client({ transport, clock: systemClock, random: systemRandom, userAgent: "story" });
  return { client, close: () => transport.close() };
}
