/** Tiers are told apart by file name: `x.test.ts` is unit, `x.engine.test.ts` engine, and so on. */
const tiers = ["engine", "store", "cluster", "clients", "kube", "pods", "browser"];
const tier = process.env.TIER ?? "unit";
const testMatch = tier === "unit" ? ["**/*.test.ts"] : [`**/*.${tier}.test.ts`];
const ignore = tier === "unit" ? tiers.map((t) => `\\.${t}\\.test\\.ts$`) : [];

export default {
  rootDir: import.meta.dirname,
  roots: [
    "spicepod/src",
    "certificates/src",
    "proto/src",
    "kube/src",
    "kube/test",
    "runtime/src",
    "runtime/test",
    "operator/src",
    "operator/test",
    "scripts",
    "e2e",
    "examples",
  ].map((d) => `<rootDir>/${d}`),
  testEnvironment: "node",
  testEnvironmentOptions: { customExportConditions: ["source", "node", "node-addons"] },
  extensionsToTreatAsEsm: [".ts"],
  moduleFileExtensions: ["ts", "mjs", "js", "json", "node"],
  transform: {
    "\\.ts$": [
      "@swc/jest",
      {
        jsc: { parser: { syntax: "typescript" }, target: "es2024" },
        module: { type: "es6" },
        sourceMaps: "inline",
      },
    ],
  },
  testMatch,
  testPathIgnorePatterns: ["/node_modules/", "/dist/", ...ignore],
  testTimeout: tier === "unit" ? 20_000 : 120_000,
  maxWorkers: tier === "pods" ? 1 : 2,
  ...(tier === "pods"
    ? { globalSetup: "./e2e/support/global-setup.mjs", globalTeardown: "./e2e/support/global-teardown.mjs" }
    : {}),
};
