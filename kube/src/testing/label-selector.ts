import type { KubeObject } from "../client/object.ts";

/** Whether an object matches a selector of the forms `key`, `!key`, `key=value`, `key!=value`, joined by commas. */
export function matchesLabels(selector: string | null, { metadata: { labels = {} } }: KubeObject): boolean {
  return (selector ?? "")
    .split(",")
    .filter((term) => term !== "")
    .every((term) => {
      const [, not = "", key = "", , unequal = "", value] = /^(!?)([^=!]+)((!?)==?(.*))?$/.exec(term) ?? [];
      if (value === undefined) return (labels[key] === undefined) === (not === "!");
      return (labels[key] === value) === (unequal !== "!");
    });
}
