import { list, map, object, oneOf, optional, quantity, required, string } from "../schema/build.ts";
import type { Infer } from "../schema/schema.ts";

const claim = object({
  metadata: required(
    object({
      name: required(
        string({
          pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
          rule: "must be lower-case letters, digits and hyphens.",
          maxLength: 24,
        }),
        "The claim's name; `data` is mounted at /data, another needs a volumeMount.",
      ),
      labels: optional(map(string({ maxLength: 63 }), { maxProperties: 32 }), "Labels of the claims."),
      annotations: optional(map(string(), { maxProperties: 32 }), "Annotations of the claims."),
    }),
    "Name, labels and annotations.",
  ),
  spec: required(
    object({
      storageClassName: optional(
        string({ maxLength: 253 }),
        "The storage class; the cluster's default when absent.",
      ),
      accessModes: optional(
        list(oneOf("ReadWriteOnce", "ReadWriteOncePod"), { maxItems: 2 }),
        "How the volume is mounted; ReadWriteOnce when absent.",
      ),
      volumeMode: optional(oneOf("Filesystem"), "Only file systems are supported."),
      resources: required(
        object({
          requests: required(
            object({ storage: required(quantity(), "The volume's size. It may grow, never shrink.") }),
            "What is asked for.",
          ),
        }),
        "The size.",
      ),
    }),
    "What is claimed, as in a PersistentVolumeClaim.",
  ),
});

export const volumeClaimTemplatesSchema = list(claim, { maxItems: 8 });

export type VolumeClaimTemplate = Infer<typeof claim>;

export const claimRetentionSchema = object({
  whenScaled: optional(
    oneOf("Delete", "Retain"),
    "The fate of an executor's claims after it was scaled away; Delete when absent.",
  ),
  whenDeleted: optional(
    oneOf("Delete", "Retain"),
    "The fate of all claims when the cluster is deleted; Retain when absent.",
  ),
});
