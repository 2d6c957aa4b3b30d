import type { Client } from "../client/client.ts";
import type { KubeObject } from "../client/object.ts";
import { apiVersionOf, type ResourceType } from "../client/resource-type.ts";
import type { ObjectSource } from "./reflector.ts";

/** The objects of a type, for a reflector. Items of lists get the kind that the server leaves out there. */
export function sourceOf<T extends KubeObject>(
  client: Pick<Client, "list" | "watch">,
  type: ResourceType,
): ObjectSource<T> {
  return {
    async list(query, signal) {
      const page = await client.list<T>(type, query, signal);
      const known = { apiVersion: apiVersionOf(type), kind: type.kind };
      return { ...page, items: page.items.map((item) => ({ ...known, ...item })) };
    },
    watch: (query, signal) => client.watch<T>(type, query, signal),
  };
}
