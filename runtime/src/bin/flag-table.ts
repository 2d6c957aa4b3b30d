/** The flags of `spiced` (spec chapter 01): what the parser accepts and `--help` prints. */
export interface FlagSpec {
  readonly name: string;
  /** How the value is written in `--help`; absent for a switch. */
  readonly value?: string;
  readonly defaultText?: string;
  readonly meaning: string;
}

export const flagTable = [
  {
    name: "--role",
    value: "scheduler|executor",
    defaultText: "inferred",
    meaning:
      "executor when --scheduler-address is given, scheduler when the spicepod has runtime.scheduler, else both in one process",
  },
  { name: "--http", value: "ADDR", defaultText: "127.0.0.1:8090", meaning: "HTTP bind address" },
  { name: "--flight", value: "ADDR", defaultText: "127.0.0.1:50051", meaning: "Flight bind address" },
  { name: "--metrics", value: "ADDR", defaultText: "off", meaning: "Prometheus bind address" },
  {
    name: "--node-bind-address",
    value: "ADDR",
    defaultText: "0.0.0.0:50052",
    meaning: "bind address for traffic between nodes",
  },
  {
    name: "--node-advertise-address",
    value: "HOST[:PORT]",
    defaultText: "NODE_ADVERTISE_ADDRESS, the certificate's first DNS name or CN, the host name",
    meaning: "how other nodes reach this one",
  },
  {
    name: "--scheduler-address",
    value: "URL",
    meaning: "executor: a scheduler to start from, e.g. https://scheduler.example.com:50052",
  },
  { name: "--node-mtls-ca-certificate-file", value: "FILE", meaning: "PEM: the CA of the cluster's nodes" },
  { name: "--node-mtls-certificate-file", value: "FILE", meaning: "PEM: this node's certificate" },
  { name: "--node-mtls-key-file", value: "FILE", meaning: "PEM: this node's private key" },
  { name: "--tls-certificate-file", value: "FILE", meaning: "PEM: certificate of the public ports" },
  { name: "--tls-key-file", value: "FILE", meaning: "PEM: private key of the public ports" },
  {
    name: "--allow-insecure-connections",
    meaning: "no mTLS between nodes; for development only",
  },
  { name: "--data-dir", value: "DIR", defaultText: ".spice/data", meaning: "executor storage" },
  {
    name: "--shutdown-timeout",
    value: "DURATION",
    defaultText: "30s",
    meaning: "how long running work may take to finish after SIGTERM",
  },
  { name: "--spicepod", value: "PATH", defaultText: "./spicepod.yaml", meaning: "the spicepod to serve" },
  { name: "--verbose", meaning: "log more; -v for short, -vv for everything" },
  { name: "--help", meaning: "print this text" },
  { name: "--version", meaning: "print the version" },
] as const satisfies readonly FlagSpec[];

export type FlagName = (typeof flagTable)[number]["name"];

/** The text of `spiced --help`. */
export function helpText(): string {
  const rows = (flagTable as readonly FlagSpec[]).map(({ name, value, meaning, defaultText }) => ({
    left: value === undefined ? name : `${name} ${value}`,
    right: defaultText === undefined ? meaning : `${meaning} (default: ${defaultText})`,
  }));
  const lines = rows.map(({ left, right }) =>
    left.length > 34 ? `  ${left}\n  ${"".padEnd(34)}  ${right}` : `  ${left.padEnd(34)}  ${right}`,
  );
  return `Usage: spiced [flags]

Starts a scheduler, an executor, or both in one process.

${lines.join("\n")}

Environment: SPICED_LOG sets the log level, by module if wanted: SPICED_LOG=info,query=debug
`;
}
