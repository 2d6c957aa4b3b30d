import type { ApiClient } from "./api-client.ts";
import type { Io } from "./io.ts";
import type { OutputFormat } from "./output.ts";

/** What the commands share. */
export interface Cli {
  readonly io: Io;
  /** Of this build. */
  readonly version: string;
  /** The API that `--endpoint` names. */
  client(): ApiClient;
  output(): OutputFormat;
}
