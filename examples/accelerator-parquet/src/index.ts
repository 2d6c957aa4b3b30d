import type { RegisterAccelerators } from "@spice-shards/runtime/accelerator";
import { parquetDescription } from "./description.ts";

export { parquetDescription };

/** What `spiced` calls when `SPICED_ACCELERATORS` names this module. The engine itself loads when it is first used. */
export const registerAccelerators: RegisterAccelerators = (registry) => {
  registry.register({
    description: parquetDescription,
    load: async () => (await import("./accelerator.ts")).createParquet,
  });
};
