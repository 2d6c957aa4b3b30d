import { defaulted, object, oneOf, optional, string } from "../schema/build.ts";

const repository = string({ minLength: 1, maxLength: 512 });
const tag = string({
  pattern: "^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}(@sha256:[0-9a-f]{64})?$",
  rule: "must be an image tag, with a digest after it if wanted.",
  maxLength: 256,
});
const pullPolicy = oneOf("Always", "IfNotPresent", "Never");
const pullSecret = string({ minLength: 1, maxLength: 253 });

/** The image of all nodes. Its defaults are stored with the resource, so an operator upgrade does not change them. */
export const imageSchema = object({
  repository: defaulted(repository, "The image without its tag.", "ghcr.io/spiceai/spiced"),
  tag: defaulted(tag, "The image's tag; `1.2.3@sha256:…` pins a digest.", "0.1.0"),
  pullPolicy: defaulted(pullPolicy, "When the image is pulled.", "IfNotPresent"),
  pullSecret: optional(pullSecret, "A Secret of the namespace with the registry's credentials."),
});

/** What one role has of its own. */
export const imageOverrideSchema = object({
  repository: optional(repository, "The image without its tag; the cluster's when absent."),
  tag: optional(tag, "The image's tag; the cluster's when absent."),
  pullPolicy: optional(pullPolicy, "When the image is pulled; the cluster's when absent."),
  pullSecret: optional(pullSecret, "A Secret with the registry's credentials; the cluster's when absent."),
});
