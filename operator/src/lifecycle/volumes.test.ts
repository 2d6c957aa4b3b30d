import { describe, expect, test } from "@jest/globals";
import { claimOf, executor, plan, said } from "./testing/planner-inputs.ts";
import type { ObservedClaim } from "./types.ts";

describe("volumes", () => {
  const grown = (claim: Partial<ObservedClaim>) =>
    plan({
      wanted: { claims: [{ template: "data", request: "200", bytes: 200 }] },
      executors: [executor(0, { claims: [claimOf(claim)] }), executor(1)],
    });

  test("grow while the pods run", () => {
    const claim = "data-sales-executor-0-0";
    expect(grown({}).actions).toEqual([{ kind: "expand-claim", index: 0, claim, request: "200" }]);
    const under = grown({ requestedBytes: 200, resizing: true });
    expect(under.actions).toEqual([]);
    expect(said(under)[0]).toBe(`Progressing True VolumeExpansion: claim ${claim} grows to 200`);
    expect(grown({ requestedBytes: 200, capacityBytes: 256 }).conditions[0]).toMatchObject({
      status: "False",
    });
  });

  test("a class that forbids it is named", () => {
    const refused = grown({ allowsExpansion: false });
    expect(refused.actions).toEqual([]);
    expect(said(refused)[1]).toBe(
      "Degraded True VolumeExpansionRefused: claim data-sales-executor-0-0 cannot grow to 200: its storage class fast does not allow expansion",
    );
  });

  test("never shrink", () => {
    const smaller = grown({ requestedBytes: 300, capacityBytes: 300 });
    expect(smaller.actions).toEqual([]);
    expect(said(smaller)[1]).toMatch(/is larger than 200; a volume can grow but not shrink$/);
  });
});
