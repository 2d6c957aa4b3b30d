import type { Client } from "../client/client.ts";
import { apiVersionOf, type ResourceType } from "../client/resource-type.ts";
import { isNotFound } from "../client/status-error.ts";
import type { Clock } from "../time/clock.ts";

interface ApiResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

interface ApiGroup {
  readonly name: string;
  readonly preferredVersion?: { readonly version: string };
  readonly versions: readonly { readonly version: string }[];
}

/** A resource that the server serves, with what can be done to it. */
export type ServedResource = ResourceType & { readonly verbs: readonly string[] };

/** Which kinds the API server serves. Answers are kept for `freshMs` (default 5 min), failures are not. */
export class Discovery {
  readonly #client: Pick<Client, "getPath">;
  readonly #clock: Clock;
  readonly #freshMs: number;
  readonly #cache = new Map<string, { readonly at: number; readonly value: Promise<unknown> }>();

  constructor(options: { client: Pick<Client, "getPath">; clock: Clock; freshMs?: number }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#freshMs = options.freshMs ?? 300_000;
  }

  /** The resources of a group and version, without subresources; none when it is not served. */
  async resources(group: string, version: string): Promise<readonly ServedResource[]> {
    const apiVersion = apiVersionOf({ group, version });
    const path = group === "" ? `/api/${version}` : `/apis/${apiVersion}`;
    const found = await this.#cached<{ resources: readonly ApiResource[] }>(path, { resources: [] });
    return found.resources
      .filter(({ name }) => !name.includes("/"))
      .map(({ name, kind, namespaced, verbs }) => ({
        group,
        version,
        plural: name,
        kind,
        namespaced,
        verbs,
      }));
  }

  /** Whether this very resource is served. */
  async serves(type: Pick<ResourceType, "group" | "version" | "plural">): Promise<boolean> {
    const resources = await this.resources(type.group, type.version);
    return resources.some(({ plural }) => plural === type.plural);
  }

  /** A kind in the version that the server prefers, or the next that has it; `undefined` when none does. */
  async find(group: string, kind: string): Promise<ServedResource | undefined> {
    for (const version of await this.#versions(group)) {
      const found = (await this.resources(group, version)).find((resource) => resource.kind === kind);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Forgets what was read, for instance when a CustomResourceDefinition was installed. */
  invalidate(): void {
    this.#cache.clear();
  }

  async #versions(group: string): Promise<readonly string[]> {
    if (group === "")
      return (await this.#cached<{ versions: readonly string[] }>("/api", { versions: [] })).versions;
    const none: ApiGroup = { name: group, versions: [] };
    const found = await this.#cached<ApiGroup>(`/apis/${group}`, none);
    const preferred = found.preferredVersion?.version;
    const all = found.versions.map(({ version }) => version);
    return preferred === undefined ? all : [preferred, ...all.filter((version) => version !== preferred)];
  }

  #cached<T>(path: string, absent: T): Promise<T> {
    const now = this.#clock.monotonicMs();
    const present = this.#cache.get(path);
    if (present !== undefined && now - present.at < this.#freshMs) return present.value as Promise<T>;
    const value = this.#client.getPath<T>(path).catch((error) => {
      if (isNotFound(error)) return absent;
      this.#cache.delete(path);
      throw error;
    });
    this.#cache.set(path, { at: now, value });
    return value;
  }
}
