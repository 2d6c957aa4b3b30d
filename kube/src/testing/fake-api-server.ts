import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { canonicalJson } from "../apply/canonical.ts";
import { type KubeObject, objectKey } from "../client/object.ts";
import { ConnectionError, StatusError } from "../client/status-error.ts";
import type { Transport } from "../client/transport.ts";
import { FakeStore } from "./fake-store.ts";
import { matchesLabels } from "./label-selector.ts";
import { merge, without } from "./merge.ts";

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
 * A small API server for tests of clients, over real HTTP or without any I/O by {@link transport}: create, read, replace,
 * merge patch, apply (fields of one manager, lists as a whole), delete with finalizers, paged lists and watches with label
 * selectors and bookmarks, `generation`, and discovery from `paths`. No validation, defaulting or access control: what depends on those is tested on the real server.
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
  /** Answers of GET that are text: logs of pods, what is behind the proxy. */
  texts: (request: SeenRequest) => string | undefined = () => undefined;
  readonly #server: http.Server;
  readonly #sockets = new Set<Socket>();
  readonly #applied = new Map<string, unknown>();
  #secure = false;

  constructor(tls?: https.ServerOptions) {
    const handle = (request: http.IncomingMessage, response: http.ServerResponse) => {
      this.#handle(request, response).catch((error) => response.destroy(error));
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

  /** Answers requests within this process and without I/O, so that tests on a virtual clock are repeatable. */
  transport(): Pick<Transport, "request" | "invalidateCredentials"> {
    return {
      invalidateCredentials: () => {},
      request: ({ method, path, headers = {}, body = "", signal }) =>
        new Promise((resolve, reject) => {
          const url = new URL(path, "http://server");
          const seen = { method, path: url.pathname, query: url.searchParams, headers, body };
          const broken = new ConnectionError(`${method} ${path}: no answer`);
          const reply: Reply = {
            drop: () => reject(broken),
            send: (code, answer, more = {}) => {
              const text = (async function* () {
                yield JSON.stringify(answer);
              })();
              resolve({ code, headers: more, text });
            },
            sendText: (answer) => {
              const text = (async function* () {
                yield answer;
              })();
              resolve({ code: 200, headers: {}, text });
            },
            open: () => {
              const stream = new TextStream(signal);
              resolve({ code: 200, headers: {}, text: stream });
              return stream;
            },
          };
          // What is sent arrives later, and what was aborted before does not arrive.
          setImmediate(() => {
            if (signal.aborted) reject(signal.reason);
            else this.#respond(seen, reply);
          });
        }),
    };
  }

  async #handle(incoming: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    let body = "";
    incoming.setEncoding("utf8");
    for await (const chunk of incoming) body += chunk;
    const url = new URL(incoming.url ?? "/", "http://server");
    const { method = "GET", headers } = incoming;
    this.#respond(
      { method, path: url.pathname, query: url.searchParams, headers, body },
      {
        drop: () => incoming.socket.destroy(),
        send: (code, answer, more = {}) => {
          response.writeHead(code, { "content-type": "application/json", ...more });
          response.end(JSON.stringify(answer));
        },
        sendText: (answer) => {
          response.writeHead(200, { "content-type": "text/plain" });
          response.end(answer);
        },
        open: () => {
          response.writeHead(200, { "content-type": "application/json" });
          response.flushHeaders();
          return {
            write: (text) => response.write(text),
            onClose: (stop) => response.on("close", stop),
          };
        },
      },
    );
  }

  #respond(request: SeenRequest, reply: Reply): void {
    this.requests.push(request);
    const fault = this.fault(request);
    if (fault === "drop") reply.drop();
    else if (fault !== undefined) reply.send(fault.code, fault.body ?? {}, fault.headers);
    else {
      try {
        this.#serve(request, reply);
      } catch (error) {
        const code = error instanceof StatusError ? error.code : 500;
        const status = error instanceof StatusError ? error.status : { message: String(error) };
        reply.send(code, { kind: "Status", status: "Failure", code, ...status });
      }
    }
  }

  #serve(request: SeenRequest, reply: Reply): void {
    const place = placeOf(request.path);
    const text = request.method === "GET" ? this.texts(request) : undefined;
    if (text !== undefined) reply.sendText(text);
    else if (this.paths.has(request.path)) reply.send(200, this.paths.get(request.path));
    else if (place === undefined) throw notFound(request.path);
    else if (request.query.get("watch") === "true") this.#watch(place, request, reply);
    else reply.send(...this.#answer(place, request));
  }

  #answer(place: Place, request: SeenRequest): [number, unknown] {
    const { collection, namespace, name } = place;
    const { store } = this;
    if (name === undefined) {
      if (request.method === "GET") return [200, this.#list(place, request.query)];
      const object = first(JSON.parse(request.body) as KubeObject);
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
      if (present === undefined) return [201, store.put(collection, first(body))];
      return [200, this.#put(place, present, merge(kept, body) as KubeObject)];
    }
    if (present === undefined) throw notFound(key);
    switch (request.method) {
      case "GET":
        return [200, present];
      case "PUT": {
        const object = JSON.parse(request.body) as KubeObject;
        requireVersion(object, present);
        return [200, this.#put(place, present, object)];
      }
      case "PATCH":
        if (type !== "application/merge-patch+json") throw refusal(415, "UnsupportedMediaType", `${type}`);
        requireVersion(JSON.parse(request.body) as Partial<KubeObject>, present);
        return [200, this.#put(place, present, merge(present, JSON.parse(request.body)) as KubeObject)];
      case "DELETE": {
        const { preconditions } = JSON.parse(request.body || "{}") as { preconditions?: { uid?: string } };
        if (preconditions?.uid !== undefined && preconditions.uid !== present.metadata.uid)
          throw refusal(409, "Conflict", "another uid");
        if ((present.metadata.finalizers ?? []).length > 0) {
          const deletionTimestamp = present.metadata.deletionTimestamp ?? "2030-01-01T00:00:00Z";
          store.put(collection, { ...present, metadata: { ...present.metadata, deletionTimestamp } });
        } else store.delete(collection, key);
        return [200, { kind: "Status", status: "Success" }];
      }
      default:
        throw refusal(405, "MethodNotAllowed", request.method);
    }
  }

  /** Writes what replaces `present`: another spec is another generation, and the last finalizer ends a deletion. */
  #put({ collection }: Place, present: KubeObject, object: KubeObject): KubeObject {
    const { generation } = present.metadata;
    const next = {
      ...object,
      metadata: {
        ...object.metadata,
        ...(generation === undefined ? {} : { generation: generation + (sameSpec(present, object) ? 0 : 1) }),
      },
    };
    const stored = this.store.put(collection, next);
    const { deletionTimestamp, finalizers = [] } = stored.metadata;
    if (deletionTimestamp !== undefined && finalizers.length === 0)
      this.store.delete(collection, objectKey(stored));
    return stored;
  }

  #list(place: Place, query: URLSearchParams): unknown {
    const selector = query.get("labelSelector");
    const all = this.store
      .list(place.collection)
      .filter(({ metadata }) => place.namespace === undefined || metadata.namespace === place.namespace)
      .filter((object) => matchesLabels(selector, object));
    const from = Number(query.get("continue") ?? 0);
    const limit = Number(query.get("limit") ?? all.length);
    const more = from + limit < all.length ? { continue: `${from + limit}` } : {};
    return {
      kind: "List",
      metadata: { resourceVersion: `${this.store.revision}`, ...more },
      // A real server leaves out what the list says for all.
      items: all.slice(from, from + limit).map(({ apiVersion: _version, kind: _kind, ...item }) => item),
    };
  }

  #watch(place: Place, request: SeenRequest, reply: Reply): void {
    const { store } = this;
    const selector = request.query.get("labelSelector");
    let seen = Number(request.query.get("resourceVersion") ?? 0);
    store.since(place.collection, seen);
    const stream = reply.open();
    const write = (type: string, object: unknown) => stream.write(`${JSON.stringify({ type, object })}\n`);
    const flush = () => {
      for (const { revision, type, object } of store.since(place.collection, seen)) {
        seen = revision;
        if (place.namespace !== undefined && object.metadata.namespace !== place.namespace) continue;
        // What no longer matches is gone for this watch.
        write(matchesLabels(selector, object) ? type : "DELETED", object);
      }
    };
    flush();
    write("BOOKMARK", { metadata: { resourceVersion: `${store.revision}` } });
    stream.onClose(store.onChange(flush));
  }
}

/** Where an answer goes: a connection, or a promise. */
interface Reply {
  drop(): void;
  send(code: number, body: unknown, headers?: Record<string, string>): void;
  sendText(text: string): void;
  open(): { write(text: string): void; onClose(stop: () => void): void };
}

/** Texts that are read as they come, until the signal aborts. */
class TextStream implements AsyncIterable<string> {
  readonly #signal: AbortSignal;
  readonly #texts: string[] = [];
  #wake: () => void = () => {};

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#wake(), { once: true });
  }

  write(text: string): void {
    this.#texts.push(text);
    this.#wake();
  }

  onClose(stop: () => void): void {
    this.#signal.addEventListener("abort", stop, { once: true });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for (;;) {
      this.#signal.throwIfAborted();
      const text = this.#texts.shift();
      if (text !== undefined) yield text;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
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

function keyOf(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function notFound(what: string): StatusError {
  return refusal(404, "NotFound", `${what} not found`);
}

function refusal(code: number, reason: string, message: string): StatusError {
  return new StatusError(code, { code, reason, message }, "fake");
}

/** An object that is new: of the first generation, when it has a spec. */
function first(object: KubeObject): KubeObject {
  return "spec" in object ? { ...object, metadata: { generation: 1, ...object.metadata } } : object;
}

function sameSpec(before: KubeObject, after: KubeObject): boolean {
  const specOf = (object: KubeObject) => canonicalJson((object as { readonly spec?: unknown }).spec ?? null);
  return specOf(before) === specOf(after);
}

function requireVersion(body: Partial<KubeObject>, present: KubeObject): void {
  const version = body.metadata?.resourceVersion;
  if (version !== undefined && version !== present.metadata.resourceVersion)
    throw refusal(409, "Conflict", "the object has been modified");
}
