import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { KubeObject } from "../client/object.ts";
import { StatusError } from "../client/status-error.ts";
import { FakeStore } from "./fake-store.ts";

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** What a fault answers instead of the server; `"drop"` closes the connection. */
export type Fault =
  | "drop"
  | { readonly code: number; readonly headers?: Record<string, string>; readonly body?: unknown };

/**
 * A small API server over real HTTP for tests of clients: create, read, replace, merge patch, apply (fields
 * of one manager, lists as a whole), delete, paged lists, watches with bookmarks, and discovery from `paths`.
 * No validation, defaulting or access control: what depends on those is tested on the real server.
 */
export class FakeApiServer {
  readonly store = new FakeStore();
  readonly requests: SeenRequest[] = [];
  /** Connections that were ever opened. */
  connections = 0;
  /** Asked before every request. */
  fault: (request: SeenRequest) => Fault | undefined = () => undefined;
  /** Answers of GET for paths that are no objects, such as `/apis`. */
  readonly paths = new Map<string, unknown>();
  readonly #server: http.Server;
  readonly #sockets = new Set<Socket>();
  readonly #applied = new Map<string, unknown>();
  #secure = false;

  constructor(tls?: https.ServerOptions) {
    const handle = (request: http.IncomingMessage, response: http.ServerResponse) => {
      this.#handle(request, response).catch((error) => this.#refuse(response, error));
    };
    this.#secure = tls !== undefined;
    this.#server = tls === undefined ? http.createServer(handle) : https.createServer(tls, handle);
    this.#server.on(this.#secure ? "secureConnection" : "connection", (socket: Socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  async start(): Promise<URL> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const { port } = this.#server.address() as AddressInfo;
    return new URL(`${this.#secure ? "https" : "http"}://127.0.0.1:${port}`);
  }

  /** Breaks all connections. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.dropConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #handle(incoming: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    let body = "";
    incoming.setEncoding("utf8");
    for await (const chunk of incoming) body += chunk;
    const url = new URL(incoming.url ?? "/", "http://server");
    const { method = "GET", headers } = incoming;
    const request: SeenRequest = { method, path: url.pathname, query: url.searchParams, headers, body };
    this.requests.push(request);
    const fault = this.fault(request);
    if (fault === "drop") return void incoming.socket.destroy();
    if (fault !== undefined) return send(response, fault.code, fault.body ?? {}, fault.headers);
    if (this.paths.has(request.path)) return send(response, 200, this.paths.get(request.path));
    const place = placeOf(request.path);
    if (place === undefined) throw notFound(request.path);
    if (request.query.get("watch") === "true") return this.#watch(place, request, response);
    const [code, answer] = this.#answer(place, request);
    send(response, code, answer);
  }

  #answer(place: Place, request: SeenRequest): [number, unknown] {
    const { collection, namespace, name } = place;
    const { store } = this;
    if (name === undefined) {
      if (request.method === "GET") return [200, this.#list(place, request.query)];
      const object = JSON.parse(request.body) as KubeObject;
      const key = keyOf(namespace, object.metadata.name ?? "");
      if (store.get(collection, key) !== undefined) throw refusal(409, "AlreadyExists", `${key} exists`);
      return [201, store.put(collection, object)];
    }
    const key = keyOf(namespace, name);
    const present = store.get(collection, key);
    const type = request.headers["content-type"];
    if (request.method === "PATCH" && type === "application/apply-patch+yaml") {
      const slot = `${request.query.get("fieldManager")}|${collection}|${key}|${place.subresource ?? ""}`;
      const body = JSON.parse(request.body) as KubeObject;
      const kept = present === undefined ? {} : without(present, this.#applied.get(slot), body);
      this.#applied.set(slot, body);
      return [present === undefined ? 201 : 200, store.put(collection, merge(kept, body) as KubeObject)];
    }
    if (present === undefined) throw notFound(key);
    switch (request.method) {
      case "GET":
        return [200, present];
      case "PUT": {
        const object = JSON.parse(request.body) as KubeObject;
        expectVersion(object, present);
        return [200, store.put(collection, object)];
      }
      case "PATCH": {
        if (type !== "application/merge-patch+json") throw refusal(415, "UnsupportedMediaType", `${type}`);
        const patch = JSON.parse(request.body) as Partial<KubeObject>;
        expectVersion(patch, present);
        return [200, store.put(collection, merge(present, patch) as KubeObject)];
      }
      case "DELETE": {
        const uid = (JSON.parse(request.body || "{}") as { preconditions?: { uid?: string } }).preconditions
          ?.uid;
        if (uid !== undefined && uid !== present.metadata.uid) throw refusal(409, "Conflict", "another uid");
        store.delete(collection, key);
        return [200, { kind: "Status", status: "Success" }];
      }
      default:
        throw refusal(405, "MethodNotAllowed", request.method);
    }
  }

  #list(place: Place, query: URLSearchParams): unknown {
    const all = this.store
      .list(place.collection)
      .filter(({ metadata }) => place.namespace === undefined || metadata.namespace === place.namespace);
    const from = Number(query.get("continue") ?? 0);
    const limit = Number(query.get("limit") ?? all.length);
    const more = from + limit < all.length ? { continue: `${from + limit}` } : {};
    return {
      kind: "List",
      metadata: { resourceVersion: `${this.store.revision}`, ...more },
      items: all.slice(from, from + limit),
    };
  }

  #watch(place: Place, request: SeenRequest, response: http.ServerResponse): void {
    const { store } = this;
    let seen = Number(request.query.get("resourceVersion") ?? 0);
    const write = (type: string, object: unknown) => response.write(`${JSON.stringify({ type, object })}\n`);
    const flush = () => {
      for (const { revision, type, object } of store.since(place.collection, seen)) {
        seen = revision;
        if (place.namespace === undefined || object.metadata.namespace === place.namespace)
          write(type, object);
      }
    };
    store.since(place.collection, seen);
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    flush();
    write("BOOKMARK", { metadata: { resourceVersion: `${store.revision}` } });
    const stop = store.onChange(flush);
    response.on("close", stop);
  }

  #refuse(response: http.ServerResponse, error: unknown): void {
    const code = error instanceof StatusError ? error.code : 500;
    const status = error instanceof StatusError ? error.status : { message: String(error) };
    send(response, code, { kind: "Status", status: "Failure", code, ...status });
  }
}

interface Place {
  readonly collection: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
}

function placeOf(path: string): Place | undefined {
  const match =
    /^\/(?:api\/v1|apis\/([^/]+)\/[^/]+)(?:\/namespaces\/([^/]+)(?=\/))?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(
      path,
    );
  if (match === null) return undefined;
  const [, group = "", namespace, plural, name, subresource] = match;
  return {
    collection: `${group}/${plural}`,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
  };
}

/** A write that names a version is for that version only. */
function expectVersion(written: Partial<KubeObject>, present: KubeObject): void {
  const version = written.metadata?.resourceVersion;
  if (version !== undefined && version !== present.metadata.resourceVersion) {
    throw refusal(409, "Conflict", "the object has been modified");
  }
}

function keyOf(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function send(
  response: http.ServerResponse,
  code: number,
  body: unknown,
  headers: Record<string, string> = {},
) {
  response.writeHead(code, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

function notFound(what: string): StatusError {
  return refusal(404, "NotFound", `${what} not found`);
}

function refusal(code: number, reason: string, message: string): StatusError {
  return new StatusError(code, { code, reason, message }, "fake");
}

function isMap(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function merge(into: unknown, patch: unknown): unknown {
  if (!isMap(into) || !isMap(patch)) return patch;
  const result: Record<string, unknown> = { ...into };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merge(result[name], value);
  }
  return result;
}

/** `present` without the fields that `before` had and `now` has not. */
function without(present: unknown, before: unknown, now: unknown): unknown {
  if (!isMap(present) || !isMap(before)) return present;
  const result: Record<string, unknown> = { ...present };
  for (const [name, value] of Object.entries(before)) {
    const kept = isMap(now) ? now[name] : undefined;
    if (kept === undefined && !isMap(value)) delete result[name];
    else result[name] = without(result[name], value, kept);
  }
  return result;
}
