/**
 * Runs the test tiers (spec chapter 11): `node scripts/test.ts [tier…]`.
 *
 * Provisions what a tier needs, runs its tests with jest, and ends with `N passed, N failed, N skipped` alone on
 * the last line. A tier whose tools are missing is skipped with the reason, and is a failure when `CI=true`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { provision } from "./testbed/provision.ts";
import { type Tier, tiers } from "./testbed/tiers.ts";

const root = join(import.meta.dirname, "..");
const ci = process.env["CI"] === "true";
const asked = process.argv.slice(2);
const unknown = asked.filter((tier) => !(tier in tiers));
if (unknown.length > 0) {
  console.error(`Unknown tier ${unknown.join(", ")}. Tiers: ${Object.keys(tiers).join(", ")}`);
  process.exit(2);
}

const total = { passed: 0, failed: 0, skipped: 0 };
for (const tier of (asked.length > 0 ? asked : Object.keys(tiers)) as Tier[]) {
  console.log(`\n=== ${tier}`);
  const bed = await provision(tier);
  if (bed.missing.length > 0) {
    for (const reason of bed.missing) console.log(`${tier} cannot run: ${reason}`);
    if (ci) total.failed += 1;
    else total.skipped += 1;
    continue;
  }
  runJest(tier, bed.env);
}
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed > 0 || (ci && total.skipped > 0) ? 1 : 0);

function runJest(tier: Tier, env: Record<string, string>): void {
  const dir = mkdtempSync(join(tmpdir(), "jest-"));
  const report = join(dir, "report.json");
  try {
    const child = spawnSync(
      join(root, "node_modules/.bin/node"),
      [
        "--experimental-vm-modules",
        "--no-warnings",
        join(root, "node_modules/jest/bin/jest.js"),
        "--json",
        `--outputFile=${report}`,
        "--passWithNoTests",
        ...(process.env["JEST_ARGS"]?.split(" ") ?? []),
      ],
      {
        cwd: root,
        stdio: ["ignore", "inherit", "inherit"],
        env: { ...process.env, UV_THREADPOOL_SIZE: "32", ...env, TIER: tier },
      },
    );
    const result = JSON.parse(readFileSync(report, "utf8")) as {
      numPassedTests: number;
      numFailedTests: number;
      numPendingTests: number;
      numTodoTests: number;
      numRuntimeErrorTestSuites: number;
    };
    total.passed += result.numPassedTests;
    total.failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
    total.skipped += result.numPendingTests + result.numTodoTests;
    if (child.status !== 0 && result.numFailedTests + result.numRuntimeErrorTestSuites === 0)
      total.failed += 1;
  } catch (error) {
    console.error(`${tier}: jest left no report`, error);
    total.failed += 1;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
