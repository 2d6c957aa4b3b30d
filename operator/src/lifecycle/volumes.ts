import type { Member } from "./member.ts";
import { join, nothing, type Step, step } from "./step.ts";
import type { ObservedClaim, WantedClaim, WantedExecutors } from "./types.ts";

/** Expands claims that are smaller than wanted, while their pods run. A volume never shrinks. */
export function growVolumes(wanted: WantedExecutors, members: readonly Member[]): Step {
  return join(
    members.flatMap(({ index, claims }) =>
      claims
        .filter((claim) => !claim.deleting)
        .map((claim) => {
          const size = wanted.claims.find(({ template }) => template === claim.template);
          return size === undefined ? nothing : grow(index, claim, size);
        }),
    ),
  );
}

function grow(index: number, claim: ObservedClaim, wanted: WantedClaim): Step {
  const { name, requestedBytes, capacityBytes, allowsExpansion, storageClass = "" } = claim;
  if (requestedBytes > wanted.bytes) {
    const message = `claim ${name} is larger than ${wanted.request}; a volume can grow but not shrink`;
    return step({ problems: [{ reason: "VolumeExpansionRefused", message }] });
  }
  if (requestedBytes === wanted.bytes) {
    const bound = capacityBytes > 0;
    const growing = claim.resizing || (bound && capacityBytes < requestedBytes);
    if (!growing) return nothing;
    return step({
      progress: [{ reason: "VolumeExpansion", message: `claim ${name} grows to ${wanted.request}` }],
    });
  }
  if (allowsExpansion === false) {
    const message = `claim ${name} cannot grow to ${wanted.request}: its storage class ${storageClass} does not allow expansion`;
    return step({ problems: [{ reason: "VolumeExpansionRefused", message }] });
  }
  return step({
    actions: [{ kind: "expand-claim", index, claim: name, request: wanted.request }],
    progress: [{ reason: "VolumeExpansion", message: `claim ${name} grows to ${wanted.request}` }],
  });
}
