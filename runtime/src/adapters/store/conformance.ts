import { conditionCases } from "./conformance/conditions.ts";
import { faultCases } from "./conformance/faults.ts";
import { largeCases } from "./conformance/large.ts";
import { listingCases } from "./conformance/listing.ts";
import { objectCases } from "./conformance/objects.ts";
import { raceCases } from "./conformance/races.ts";
import type { ConformanceCase } from "./conformance/target.ts";

export type { ConformanceCase, ConformanceTarget, FaultControl } from "./conformance/target.ts";

/**
 * What every implementation of `ObjectStore` must do (spec chapter 04, Stores), as plain functions that reject when
 * it does not: a test file runs each one against a fresh, empty target, whatever its test framework.
 *
 * @example
 * for (const { name, run } of conformanceCases) test(name, async () => run(await freshTarget()));
 */
export const conformanceCases: readonly ConformanceCase[] = [
  ...objectCases,
  ...conditionCases,
  ...raceCases,
  ...listingCases,
  ...largeCases,
  ...faultCases,
];
