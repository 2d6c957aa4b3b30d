/** An image that `make images` builds. */
export interface Image {
  /** Its workspace and the end of its Dockerfile's name. */
  readonly workspace: "runtime" | "operator";
  readonly repository: string;
  /** Workspaces whose compiled code it holds, its own among them. */
  readonly workspaces: readonly string[];
  /** Programs in /usr/local/bin. */
  readonly programs: readonly string[];
  /** DuckDB's extensions that it loads. */
  readonly extensions: readonly string[];
  /** What it may weigh beyond Node and its libraries. */
  readonly aimMegabytes: number;
}

export const images: readonly Image[] = [
  {
    workspace: "runtime",
    repository: "spiced",
    workspaces: ["spicepod", "certificates", "proto", "kube", "runtime"],
    programs: ["spiced", "spice"],
    extensions: ["httpfs", "postgres_scanner"],
    aimMegabytes: 250,
  },
  {
    workspace: "operator",
    repository: "spiceai-operator",
    workspaces: ["spicepod", "certificates", "proto", "kube", "operator"],
    programs: ["spiceai-operator"],
    extensions: [],
    aimMegabytes: 120,
  },
];
