#!/usr/bin/env node
// Starts the compiled program; Node 24 or newer is needed.
import { existsSync } from "node:fs";
import { join } from "node:path";

const program = join(import.meta.dirname, "..", "dist", "bin", "spiceai-operator.js");
if (Number(process.versions.node.split(".")[0]) < 24) {
  console.error(`spiceai-operator needs Node 24 or newer; this is Node ${process.versions.node}.`);
  process.exit(1);
}
if (!existsSync(program)) {
  console.error("spiceai-operator is not built yet. Run `make build` first.");
  process.exit(1);
}
// Process 1 of a container ignores every signal that it does not handle; the program takes this over when it can.
if (process.pid === 1)
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(143));
await import(program);
