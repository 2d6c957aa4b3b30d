import type { KubeObject, ObjectSource } from "@spice-shards/kube";

/** A source whose objects are packed as soon as they come, so that a page is never kept whole. */
export function packedSource<A extends KubeObject, B extends KubeObject>(
  source: ObjectSource<A>,
  pack: (object: A) => B,
): ObjectSource<B> {
  return {
    async list(query, signal) {
      const page = await source.list(query, signal);
      return { ...page, items: page.items.map(pack) };
    },
    async watch(query, signal) {
      const events = await source.watch(query, signal);
      return (async function* () {
        for await (const event of events)
          yield event.type === "BOOKMARK" || event.type === "ERROR"
            ? event
            : { type: event.type, object: pack(event.object) };
      })();
    },
  };
}
