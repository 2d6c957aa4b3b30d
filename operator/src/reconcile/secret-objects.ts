import type { SecretContent } from "../certificates/secret-content.ts";
import type { SecretObject } from "./objects.ts";

/** What the codecs read of a Secret. */
export function contentOf({ data = {}, metadata }: SecretObject): SecretContent {
  return { data, annotations: metadata.annotations ?? {} };
}
