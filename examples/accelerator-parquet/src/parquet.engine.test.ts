import { describe, test } from "@jest/globals";
import { acceleratorConformance } from "@spice-shards/runtime/accelerator/conformance";
import { parquetDescription } from "./description.ts";

const subject = {
  description: parquetDescription,
  module: new URL("./accelerator.ts", import.meta.url).href,
  factory: "createParquet",
  mode: "file",
} as const;
const framework = { describe, test };

acceleratorConformance({ ...subject, name: "parquet", parameters: {} }, framework);
