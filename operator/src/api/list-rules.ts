const containers = { kind: "map", keys: ["name"], exclusive: true } as const;
const ofPods = {
  "spec.template.spec.containers": containers,
  "spec.template.spec.initContainers": containers,
} as const;

/**
 * Lists of our children that are ours with all their items, for the applier: a container that someone added or
 * renamed would run beside ours, with its ports and volumes. Side-cars that are injected into pods are not concerned.
 */
export const listRules = { Deployment: ofPods, StatefulSet: ofPods } as const;
