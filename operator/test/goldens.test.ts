import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { stringify } from "yaml";
import { renderCluster } from "../src/render/render-cluster.ts";
import { exampleContext, exampleNames } from "./examples.ts";

const folder = join(import.meta.dirname, "goldens");
const update = process.env["UPDATE_GOLDENS"] === "1";

function rendered(name: string): string {
  return renderCluster(exampleContext(name))
    .map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join("---\n");
}

test.each(exampleNames)("%s renders as recorded", (name) => {
  const file = join(folder, `${name}.yaml`);
  const text = rendered(name);
  if (update) writeFileSync(file, text);
  expect(existsSync(file)).toBe(true);
  expect(text).toBe(readFileSync(file, "utf8"));
});

test("every recorded file has its example", () => {
  expect(readdirSync(folder).map((file) => file.replace(/\.yaml$/, ""))).toEqual(exampleNames);
  expect(exampleNames.length).toBeGreaterThanOrEqual(15);
});
