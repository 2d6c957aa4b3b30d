import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Holder, StateLocations } from "./state-locations.ts";

const holder = (key: string, uid: string, more: Partial<Holder> = {}): Holder => ({
  key,
  uid,
  createdAt: "2026-01-01T00:00:00Z",
  wasLetIn: false,
  ...more,
});
const place = "s3://bucket/state";

test("of two clusters of one second the lower uid is let in, whoever is judged first", () => {
  for (const order of [
    ["a", "b"],
    ["b", "a"],
  ]) {
    const locations = new StateLocations();
    locations.set(holder("a", "2"), place);
    locations.set(holder("b", "1"), place);
    const judged = new Map(order.map((key) => [key, locations.letIn(key)]));
    expect([judged.get("a"), judged.get("b")]).toEqual(["b", undefined]);
  }
});

test("who was let in stays in when one of the same second comes later, also for the next operator", () => {
  const locations = new StateLocations();
  locations.set(holder("a", "2"), place);
  expect(locations.letIn("a")).toBeUndefined();
  locations.set(holder("b", "1"), place);
  expect(locations.letIn("b")).toBe("a");
  // Its resource, as the next pass sees it, says nothing yet.
  locations.set(holder("a", "2"), place);
  expect([locations.letIn("a"), locations.letIn("b")]).toEqual([undefined, "a"]);
  const next = new StateLocations();
  next.set(holder("b", "1"), place);
  next.set(holder("a", "2", { wasLetIn: true }), place);
  expect([next.letIn("b"), next.letIn("a")]).toEqual(["a", undefined]);
});

test("an older cluster is first, and who comes from another location was let in there only", () => {
  const locations = new StateLocations();
  locations.set(holder("young", "1", { createdAt: "2026-01-01T00:00:01Z" }), place);
  locations.set(holder("old", "9"), place);
  expect(locations.letIn("young")).toBe("old");
  locations.set(holder("mover", "0"), "s3://bucket/elsewhere");
  expect(locations.letIn("mover")).toBeUndefined();
  expect(locations.letIn("old")).toBeUndefined();
  locations.set(holder("mover", "0", { wasLetIn: true }), place);
  expect(locations.letIn("mover")).toBe("old");
  locations.remove("old");
  expect(locations.letIn("mover")).toBeUndefined();
});

test("never are two let in at one time, in whatever order they come, are judged and go", () => {
  const key = fc.constantFrom("a", "b", "c");
  const step = fc.record({ key, what: fc.constantFrom("come" as const, "judge" as const, "go" as const) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const locations = new StateLocations();
      const inside = new Set<string>();
      for (const { key: who, what } of steps) {
        if (what === "come") locations.set(holder(who, who), place);
        if (what === "go") {
          locations.remove(who);
          inside.delete(who);
        }
        if (what === "judge") {
          locations.set(holder(who, who), place);
          if (locations.letIn(who) === undefined) inside.add(who);
        }
        expect(inside.size).toBeLessThanOrEqual(1);
      }
    }),
  );
});
