import { identity, isMap, type ListRules } from "./schema-rules.ts";

/** An item of a list that only the live object has. */
export interface Leftover {
  /** JSON pointer to it in the live object. */
  readonly pointer: string;
  readonly item: unknown;
  /** The list belongs to who applies it, with all its items. */
  readonly exclusive: boolean;
  /** An item that is wanted in this list is not there: its key may have been edited to what is left over. */
  readonly besideMissing: boolean;
}

/**
 * The items of lists with keys that `live` has besides those of `wanted`, as far as `wanted` has the list. Server-side
 * apply leaves them to whoever added them. Removed in reverse order, their pointers hold.
 */
export function leftovers(wanted: unknown, live: unknown, rules: ListRules): Leftover[] {
  const found: Leftover[] = [];
  walk(wanted, live, "", "");
  return found;

  function walk(want: unknown, have: unknown, rule: string, pointer: string): void {
    if (isMap(want) && isMap(have)) {
      for (const [name, value] of Object.entries(want)) {
        const path = rule === "" ? name : `${rule}.${name}`;
        walk(value, have[name], path, `${pointer}/${pointerToken(name)}`);
      }
      return;
    }
    const list = rules.get(rule);
    if (list?.kind !== "map" || !Array.isArray(want) || !Array.isArray(have)) return;
    const wantedItems = new Map(want.map((item) => [identity(item, list), item]));
    const liveKeys = new Set(have.map((item) => identity(item, list)));
    const besideMissing = [...wantedItems.keys()].some((key) => !liveKeys.has(key));
    have.forEach((item, i) => {
      const key = identity(item, list);
      const at = `${pointer}/${i}`;
      if (wantedItems.has(key)) walk(wantedItems.get(key), item, `${rule}[]`, at);
      else found.push({ pointer: at, item, exclusive: list.exclusive === true, besideMissing });
    });
  }
}

function pointerToken(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
