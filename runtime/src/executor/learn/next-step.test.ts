import { expect, test } from "@jest/globals";
import type { HoldRole } from "../../core/cluster/membership/messages.ts";
import { nextStep } from "./next-step.ts";

const held = (role: HoldRole, epoch: number, loaded = true) => ({ role, epoch, loaded });

test("an owner keeps what it learned and loads what it lacks", () => {
  const owner = { role: "owner", epoch: 5 } as const;
  expect(nextStep(held("learner", 4), owner)).toBe("keep");
  expect(nextStep(held("owner", 5), owner)).toBe("keep");
  expect(nextStep(held("learner", 4, false), owner)).toBe("load");
  expect(nextStep(undefined, owner)).toBe("load");
});

test("a learner copies from an owner, and loads from the source without one", () => {
  const learner = { role: "learner", epoch: 5 } as const;
  const following = { ...learner, from: "e1" };
  expect(nextStep(undefined, following)).toBe("copy");
  expect(nextStep(held("learner", 5), following)).toBe("copy");
  expect(nextStep(held("learner", 5, false), following)).toBe("copy");
  expect(nextStep(undefined, learner)).toBe("load");
  expect(nextStep(held("learner", 5, false), learner)).toBe("load");
  expect(nextStep(held("learner", 4), learner)).toBe("keep");
});

test("what another owner may have changed is copied anew", () => {
  const following = { role: "learner", epoch: 5, from: "e1" } as const;
  expect(nextStep(held("learner", 4), following)).toBe("renew");
  expect(nextStep(held("learner", 4, false), following)).toBe("renew");
  expect(nextStep(held("owner", 4), following)).toBe("renew");
  expect(nextStep(held("owner", 4), { role: "learner", epoch: 5 })).toBe("renew");
});
