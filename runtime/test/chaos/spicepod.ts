export interface SpicepodParts {
  readonly stateLocation: string;
  readonly lostAfterS: number;
  /** Parquet files of the two tables that change. */
  readonly ledger: string;
  readonly items: string;
  /** Another generation: a further dataset over the items, and another interval. */
  readonly variant: boolean;
}

/** The spicepod of the cluster under test; the same text for every scheduler, whose endpoints come from outside. */
export function spicepod({ stateLocation, lostAfterS, ledger, items, variant }: SpicepodParts): string {
  const dataset = (name: string, file: string, acceleration: string) => `
  - from: file:${file}
    name: ${name}
    acceleration:
      refresh_check_interval: ${variant ? "1500ms" : "2s"}
${acceleration}`;
  return `version: v1
kind: Spicepod
name: chaos
runtime:
  scheduler:
    state_location: "${stateLocation}"
    partition_assignment_interval: 3s
    executor_lost_after: ${lostAfterS}s
    params:
      endpoint: "\${env:CHAOS_S3_ENDPOINT}"
      region: us-east-1
      auth: key
      key: "\${env:CHAOS_S3_KEY}"
      secret: "\${env:CHAOS_S3_SECRET}"
datasets:${dataset(
    "ledger",
    ledger,
    `      engine: arrow
      partition_by: ["bucket(12, id)"]
`,
  )}${dataset(
    "items",
    items,
    `      engine: duckdb
      mode: file
      partition_by: ["part"]
      params:
        duckdb_threads: "1"
`,
  )}${
    variant
      ? dataset(
          "extra",
          items,
          `      engine: arrow
      partition_by: ["bucket(4, id)"]
`,
        )
      : ""
  }`;
}
