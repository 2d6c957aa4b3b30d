import type { EndpointInfo, NodeInfo, NodeRole } from "../ports/node-info.ts";
import {
  type QueryRequest,
  type QueryResult,
  type QueryService,
  QueryUnavailableError,
} from "../ports/query-service.ts";

/**
 * Stands in for a node that is still starting, so that its HTTP port answers probes from the first second: alive, not
 * ready. `become` hands over to the real one.
 */
export class LateNode implements QueryService {
  readonly info: NodeInfo;
  #queries: QueryService | undefined;
  #info: NodeInfo | undefined;

  constructor(role: NodeRole, endpoints: () => readonly EndpointInfo[]) {
    const real = () => this.#info;
    const starting = { kind: "unavailable", message: "The node is starting" } as const;
    this.info = {
      status: async () =>
        real()?.status() ?? {
          nodeId: "",
          role,
          endpoints: endpoints(),
          executors: [],
          notices: ["The node is starting"],
        },
      readiness: async () =>
        real()?.readiness() ?? {
          role,
          nodeReady: false,
          accepting: true,
          components: [{ name: "node", state: "not-ready", detail: "starting" }],
          executors: role === "executor" ? undefined : [],
        },
      datasets: async () => real()?.datasets() ?? [],
      partitions: async (dataset) => real()?.partitions(dataset),
      cluster: async () => real()?.cluster(),
      refresh: async (dataset, request) => real()?.refresh(dataset, request) ?? starting,
      setRefreshSql: async (dataset, sql) => real()?.setRefreshSql(dataset, sql) ?? starting,
      drain: async (executor, undrain) => real()?.drain(executor, undrain) ?? starting,
    };
  }

  become(queries: QueryService, info: NodeInfo): void {
    this.#queries = queries;
    this.#info = info;
  }

  query(request: QueryRequest): Promise<QueryResult> {
    if (this.#queries === undefined) {
      return Promise.reject(new QueryUnavailableError("The node is starting"));
    }
    return this.#queries.query(request);
  }
}
