import type { ExecutorAction } from "../types.ts";
import { isBroken, type Spec, templateOf, type World } from "./world.ts";

/** What must hold at the moment of every action, for the spec that it answers (spec chapter 09, Life of a cluster). */
export function checkAction(
  world: World,
  spec: Spec,
  action: ExecutorAction,
  fail: (message: string) => void,
): void {
  switch (action.kind) {
    case "delete-pod":
      if (action.index !== undefined) checkPod(world, spec, action.index, action.uid, fail);
      return;
    case "scale":
      if (action.shape.replicas === 0) checkScale(world, spec, action.index, fail);
      return;
    case "delete-stateful-set":
    case "delete-claim":
      if (world.spice.ownedBy(action.index) > 0) fail(`${action.kind} ${action.index}: it owns partitions`);
      return;
    case "apply-template":
      checkTemplate(world, spec, action.index, fail);
      return;
    case "undrain":
      if (world.sets.get(action.index)?.drainedFor === undefined)
        fail(`the drain of ${action.index} is not ours`);
      return;
    case "create":
    case "mark":
    case "set-retention":
    case "repair":
    case "drain":
    case "expand-claim":
    case "pause":
    case "resume":
      return;
    default:
      action satisfies never;
  }
}

function members(world: World, spec: Spec): readonly number[] {
  return [...world.sets.keys()].filter((index) => index < spec.replicas);
}

function checkPod(
  world: World,
  spec: Spec,
  index: number,
  uid: string,
  fail: (message: string) => void,
): void {
  const pod = world.pods.get(index);
  if (pod?.uid !== uid || !pod.ready) return;
  const others = members(world, spec).filter((i) => i !== index);
  const down = others.filter((i) => world.pods.get(i)?.ready !== true);
  if (down.length >= spec.parallel) fail(`pod ${index} is deleted while ${down.join(", ")} are down`);
  if (others.length > 0 && world.spice.ownedBy(index) > 0)
    fail(`pod ${index} is deleted while it owns partitions`);
  const coming = world.sets.get(index)?.template ?? "";
  const tried = others.filter((i) => world.pods.get(i)?.template === coming);
  if (isBroken(coming) && tried.length > 0)
    fail(`the broken template goes on from ${tried.join(", ")} to ${index}`);
}

function checkScale(world: World, spec: Spec, index: number, fail: (message: string) => void): void {
  const retention = world.sets.get(index)?.retention;
  if (spec.replicas === 0) {
    if (retention?.whenScaled !== "Retain") fail(`executor ${index} stops and would lose its claims`);
    return;
  }
  if (index < spec.replicas) fail(`executor ${index} is wanted and scaled to 0`);
  if (world.spice.ownedBy(index) > 0) fail(`executor ${index} is scaled to 0 while it owns partitions`);
}

/** A ready executor gets a broken template only as the canary. */
function checkTemplate(world: World, spec: Spec, index: number, fail: (message: string) => void): void {
  const template = templateOf(spec);
  const pod = world.pods.get(index);
  if (!isBroken(template) || pod?.ready !== true || pod.template === template) return;
  const tried = members(world, spec).filter((i) => i !== index && world.pods.get(i)?.template === template);
  if (tried.length > 0) fail(`executor ${index} gets the broken template that ${tried.join(", ")} have`);
}
