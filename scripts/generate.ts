/**
 * Everything in this repository that is generated and checked in comes from here.
 *
 * `node --conditions=source scripts/generate.ts` writes the files; with `--check` it compares instead, prints
 * what drifted and exits 1.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clusterJsonSchema, customResourceDefinition } from "@spice-shards/operator";
import { spicepodJsonSchema } from "@spice-shards/spicepod";
import { stringify } from "yaml";
import { chartValues, valueRows } from "./chart-values.ts";
import { generateFunctions } from "./generate-functions.ts";
import { withTable } from "./marked-table.ts";
import { spicepodTables } from "./spicepod-tables.ts";

const root = join(import.meta.dirname, "..");

/** One generated folder (relative to the root), or only some files of it, and what fills them. */
interface Generator {
  readonly folder: string;
  readonly only?: readonly string[];
  run(target: string): Promise<void> | void;
}

const generators: readonly Generator[] = [
  {
    folder: "proto/src/gen",
    run(target) {
      const template = JSON.stringify({
        version: "v2",
        plugins: [
          {
            local: "protoc-gen-ts_proto",
            out: target,
            opt: [
              "esModuleInterop=true",
              "importSuffix=.ts",
              "outputServices=grpc-js",
              "env=node",
              "forceLong=number",
              "oneof=unions-value",
              "enumsAsLiterals=true",
              "useExactTypes=false",
              "outputJsonMethods=false",
              "outputPartialMethods=true",
            ],
          },
        ],
      });
      execFileSync("buf", ["generate", "proto", "--template", template], { cwd: root, stdio: "inherit" });
    },
  },
  {
    folder: "spicepod/schema",
    run(target) {
      const text = `${JSON.stringify(spicepodJsonSchema(), null, 2)}\n`;
      writeFileSync(join(target, "spicepod.schema.json"), text);
    },
  },
  {
    folder: "crds",
    run(target) {
      const crd = stringify(customResourceDefinition(), { lineWidth: 0, aliasDuplicateObjects: false });
      writeFileSync(join(target, "spicepodclusters.spice.ai.yaml"), crd);
    },
  },
  {
    folder: "charts/spiceai-operator/files/crds",
    run(target) {
      const crd = stringify(customResourceDefinition(), { lineWidth: 0, aliasDuplicateObjects: false });
      writeFileSync(join(target, "spicepodclusters.spice.ai.yaml"), crd);
    },
  },
  {
    folder: "charts/spiceai-operator",
    only: ["README.md"],
    run(target) {
      const read = (name: string) => readFileSync(join(root, "charts/spiceai-operator", name), "utf8");
      writeFileSync(
        join(target, "README.md"),
        withTable(read("README.md"), "values", valueRows(chartValues(read("values.yaml")))),
      );
    },
  },
  {
    folder: "docs",
    only: ["spicepod.md"],
    run(target) {
      const text = readFileSync(join(root, "docs/spicepod.md"), "utf8");
      const tables = Object.entries(spicepodTables());
      writeFileSync(
        join(target, "spicepod.md"),
        tables.reduce((before, [name, rows]) => withTable(before, name, rows), text),
      );
    },
  },
  {
    folder: "operator/json-schema",
    run(target) {
      const text = `${JSON.stringify(clusterJsonSchema(), null, 2)}\n`;
      writeFileSync(join(target, "spicepodcluster-v2.schema.json"), text);
    },
  },
  { folder: "runtime/src/core/query/allow/gen", run: generateFunctions },
];

const check = process.argv.includes("--check");
const drifted: string[] = [];
for (const generator of generators) {
  const folder = join(root, generator.folder);
  const target = mkdtempSync(join(tmpdir(), "generate-"));
  try {
    await generator.run(target);
    const files = (dir: string) =>
      existsSync(dir)
        ? globSync("**/*", { cwd: dir, withFileTypes: true })
            .filter((e) => e.isFile())
            .map((e) => join(e.parentPath, e.name).slice(dir.length + 1))
            .sort()
        : [];
    if (check) {
      for (const file of new Set([...files(target), ...(generator.only ?? files(folder))])) {
        const fresh = join(target, file);
        const kept = join(folder, file);
        const same = existsSync(fresh) && existsSync(kept) && readFileSync(fresh).equals(readFileSync(kept));
        if (!same) drifted.push(join(generator.folder, file));
      }
    } else {
      if (generator.only === undefined) rmSync(folder, { recursive: true, force: true });
      cpSync(target, folder, { recursive: true });
    }
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}
if (drifted.length > 0) {
  console.error(`Generated files are out of date; run \`make generate\`:\n${drifted.join("\n")}`);
  process.exit(1);
}
