import { createHash } from "node:crypto";

/** SHA-256 of a spicepod's text (UTF-8) in lower-case hex: its name under `app/` in the state (spec chapter 04). */
export function spicepodDigest(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
