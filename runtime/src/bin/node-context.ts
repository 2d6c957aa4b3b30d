import { X509Certificate } from "node:crypto";
import { hostname } from "node:os";
import { Server } from "@grpc/grpc-js";
import type { SchedulerHttp } from "../adapters/cluster/public-pins.ts";
import type { AcceleratorRegistry } from "../adapters/engine/registry.ts";
import { exchangeServerOptions } from "../adapters/exchange/grpc/grpc-server.ts";
import { systemClock } from "../adapters/system/clock.ts";
import { systemRandom } from "../adapters/system/random.ts";
import { hex } from "../adapters/tls/fingerprints.ts";
import { logRefusedHandshakes } from "../adapters/tls/grpc-peer.ts";
import { type NodeSecurity, openNodeSecurity } from "../adapters/tls/node-security.ts";
import type { ReloadedFiles, TlsLog } from "../adapters/tls/reloaded-files.ts";
import { openServerCertificate, type ServerCertificate } from "../adapters/tls/server-certificate.ts";
import { HttpServer } from "../api/http/server.ts";
import { type Address, formatAddress } from "../core/text/address.ts";
import { Log } from "../observe/log.ts";
import { parseLogLevels } from "../observe/log-level.ts";
import type { Metrics } from "../observe/metrics.ts";
import { MetricsServer, type MetricsServerOptions } from "../observe/metrics-server.ts";
import type { ComponentStatus, EndpointInfo, NodeInfo } from "../ports/node-info.ts";
import type { QueryService } from "../ports/query-service.ts";
import { type BindAddress, insecureNotice, type SpicedOptions } from "./flags.ts";

/** The process cannot start or go on; the message is for the person who started it. */
export class StartupError extends Error {
  override readonly name = "StartupError";
}

/** The server for traffic between nodes: this node's id, and how others dial it. */
export interface InternalServer {
  readonly server: Server;
  readonly id: string;
  readonly address: string;
}

/** What every role of `spiced` starts with, and closes in the end. */
export class NodeContext {
  readonly options: SpicedOptions;
  readonly role: "scheduler" | "executor" | "single";
  readonly log: Log;
  readonly clock = systemClock;
  readonly random = systemRandom;
  readonly registry: AcceleratorRegistry;
  readonly security: NodeSecurity;
  readonly #endpoints = new Map<EndpointInfo["name"], { endpoint: string; status: ComponentStatus }>();
  #http: HttpServer | undefined;
  #metricsServer: MetricsServer | undefined;
  #certificate: ReloadedFiles<ServerCertificate> | undefined;

  private constructor(
    options: SpicedOptions,
    role: NodeContext["role"],
    registry: AcceleratorRegistry,
    log: Log,
    security: NodeSecurity,
  ) {
    this.options = options;
    this.role = role;
    this.registry = registry;
    this.log = log;
    this.security = security;
    for (const name of ["http", "flight", "metrics", "cluster"] as const) {
      this.#endpoints.set(name, { endpoint: "N/A", status: "Disabled" });
    }
  }

  static async open(
    options: SpicedOptions,
    role: NodeContext["role"],
    registry: AcceleratorRegistry,
  ): Promise<NodeContext> {
    const log = new Log({ levels: parseLogLevels(process.env["SPICED_LOG"], options.verbosity) });
    const security = await openNodeSecurity(
      options.nodeCertificates,
      tlsLog(log),
      role === "single" ? undefined : role,
    );
    const context = new NodeContext(options, role, registry, log, security);
    if (options.allowInsecure) log.module("node").warn(insecureNotice);
    if (options.flight.given) {
      log
        .module("node")
        .warn(
          { flight: formatAddress(options.flight) },
          "Flight SQL is not available in this version: nothing listens on the --flight address. Use HTTP.",
        );
    }
    return context;
  }

  /** The host under which peers reach this node (spec chapter 01, `--node-advertise-address`). */
  get advertiseHost(): string {
    return (
      this.options.nodeAdvertise?.host ??
      this.security.advertisedHost ??
      (this.security.secure ? hostname() : "localhost")
    );
  }

  /** SHA-256 of the leaf that the public HTTP port shows, lower-case hex; undefined without TLS or before it listens. */
  publicLeafSha256(): string | undefined {
    const current = this.#certificate?.current();
    return current === undefined ? undefined : hex(new X509Certificate(current.cert).fingerprint256);
  }

  endpoints(): readonly EndpointInfo[] {
    return [...this.#endpoints].map(([name, { endpoint, status }]) => ({ name, endpoint, status }));
  }

  /** Bind the internal port; services are added afterwards. Gives the server and this node's `host:port`. */
  async listenCluster(): Promise<InternalServer> {
    const server = new Server(exchangeServerOptions);
    const { nodeBind, nodeAdvertise } = this.options;
    const port = await this.#bind("cluster", nodeBind, async (address) => ({
      host: address.host,
      port: await new Promise<number>((resolve, reject) => {
        server.bindAsync(formatAddress(address), this.security.server, (error, bound) =>
          error === null ? resolve(bound) : reject(error),
        );
      }),
    }));
    if (this.security.secure) {
      logRefusedHandshakes(server, tlsLog(this.log));
    }
    const id = `${this.advertiseHost}:${nodeAdvertise?.port ?? port.port}`;
    return { server, id, address: id };
  }

  /** Serve HTTP; for a scheduler and a single node before or after they are ready. */
  async listenHttp(
    queries: QueryService,
    node: NodeInfo,
    metrics: Metrics,
    schedulers?: () => readonly SchedulerHttp[],
  ): Promise<string> {
    const { tls, http } = this.options;
    const certificate =
      tls === undefined ? undefined : await openServerCertificate(tls, { log: tlsLog(this.log) });
    this.#certificate = certificate;
    const server = new HttpServer({
      queries,
      node,
      clock: this.clock,
      logger: this.log.module("http"),
      metrics,
      ...(schedulers === undefined ? {} : { schedulers }),
      ...(certificate === undefined ? {} : { tls: certificate.current() }),
    });
    certificate?.subscribe((current) => server.setCertificate(current));
    this.#http = server;
    return formatAddress(await this.#bind("http", http, (address) => server.listen(address)));
  }

  /** Serve Prometheus metrics when asked to; `cluster` gives those of all nodes. */
  async listenMetrics(metrics: Metrics, cluster?: MetricsServerOptions["cluster"]): Promise<void> {
    if (this.options.metrics === undefined) return;
    const server = new MetricsServer({ metrics, ...(cluster === undefined ? {} : { cluster }) });
    this.#metricsServer = server;
    await this.#bind("metrics", this.options.metrics, (address) => server.listen(address));
  }

  /** Accept connections for `lingerMs` more, let running requests finish within `graceMs`, then close the public servers. */
  async closePublic(graceMs: number, lingerMs = 0): Promise<void> {
    await this.#http?.close(graceMs, lingerMs);
    this.#certificate?.close();
    await this.#metricsServer?.close();
  }

  /** Bind an address; a port that was not asked for gives way to a free one on an executor. */
  async #bind(
    name: EndpointInfo["name"],
    wanted: BindAddress,
    bind: (address: Address) => Promise<Address>,
  ): Promise<Address> {
    const taken = (error: unknown) =>
      (error as NodeJS.ErrnoException).code === "EADDRINUSE" || /EADDRINUSE/.test(String(error));
    let address: Address;
    try {
      address = await bind(wanted);
    } catch (error) {
      if (!taken(error))
        throw new StartupError(
          `Cannot listen on ${formatAddress(wanted)} for ${name}: ${String((error as Error).message)}`,
        );
      if (wanted.given || this.role === "scheduler") {
        const flag = {
          http: "--http",
          flight: "--flight",
          metrics: "--metrics",
          cluster: "--node-bind-address",
        }[name];
        throw new StartupError(
          `The ${name} address ${formatAddress(wanted)} is in use by another process: stop it, or give another address with ${flag}`,
        );
      }
      address = await bind({ host: wanted.host, port: 0 });
      this.log
        .module("node")
        .warn({ server: name, wanted: formatAddress(wanted) }, "Port is taken: using a free one");
    }
    const endpoint = formatAddress(address);
    this.#endpoints.set(name, { endpoint, status: "Ready" });
    this.log.module("node").info({ server: name, address: endpoint }, "Listening");
    return address;
  }
}

function tlsLog(log: Log): TlsLog {
  const tls = log.module("tls");
  return {
    info: (message, detail) => tls.info(detail, message),
    warn: (message, detail) => tls.warn(detail, message),
  };
}
