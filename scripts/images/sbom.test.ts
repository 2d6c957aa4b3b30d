import { expect, test } from "@jest/globals";
import { sbomOf } from "./sbom.ts";

test("an SBOM names what is installed and the other parts, once each and in order", () => {
  const text = sbomOf(
    { name: "spiced", version: "1.2.3" },
    {
      "node_modules/z": { version: "2.0.0", license: "MIT", integrity: "sha512-AQI=" },
      "node_modules/@a/b": { version: "1.0.0", license: "ISC" },
      "node_modules/@a/b/node_modules/z": { version: "2.0.0", license: "MIT" },
      "node_modules/y/node_modules/z": { version: "3.0.0" },
      "node_modules/@spice-shards/runtime": { link: true },
      runtime: { version: "1.2.3" },
    },
    [{ name: "node", version: "24.21.0", license: "MIT" }],
  );
  expect(JSON.parse(text)).toEqual({
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: { component: { type: "container", name: "spiced", version: "1.2.3" } },
    components: [
      { type: "library", name: "node", version: "24.21.0", licenses: [{ expression: "MIT" }] },
      {
        type: "library",
        name: "@a/b",
        version: "1.0.0",
        purl: "pkg:npm/%40a/b@1.0.0",
        licenses: [{ expression: "ISC" }],
      },
      {
        type: "library",
        name: "z",
        version: "2.0.0",
        purl: "pkg:npm/z@2.0.0",
        licenses: [{ expression: "MIT" }],
        hashes: [{ alg: "SHA-512", content: "0102" }],
      },
      { type: "library", name: "z", version: "3.0.0", purl: "pkg:npm/z@3.0.0" },
    ],
  });
});
