import { differences } from "./differences.ts";
import { identity, isMap, type ListRule, type ListRules } from "./schema-rules.ts";

/** An item of a list that only the live object has. */
export interface Leftover {
  /** JSON pointer to it in the live object. */
  readonly pointer: string;
  /** The same by names and keys, which stay when other items come and go. */
  readonly path: string;
  readonly item: unknown;
  /** The list belongs to who applies it, with all its items. */
  readonly exclusive: boolean;
  /** An item that is wanted in this list is not there: its key may have been edited to what is left over. */
  readonly besideMissing: boolean;
  /** It has all that a missing item shall have besides the key, so it is that item under another key. */
  readonly isRenamed: boolean;
}

/**
 * The items of lists with keys that `live` has besides those of `wanted`, as far as `wanted` has the list. Server-side
 * apply leaves them to whoever added them. Removed in reverse order, their pointers hold.
 */
export function leftovers(wanted: unknown, live: unknown, rules: ListRules): Leftover[] {
  const found: Leftover[] = [];
  walk(wanted, live, { rule: "", pointer: "", path: "" });
  return found;

  function walk(want: unknown, have: unknown, at: { rule: string; pointer: string; path: string }): void {
    const { rule, pointer, path } = at;
    if (isMap(want) && isMap(have)) {
      for (const [name, value] of Object.entries(want)) {
        walk(value, have[name], {
          rule: rule === "" ? name : `${rule}.${name}`,
          pointer: `${pointer}/${pointerToken(name)}`,
          path: path === "" ? name : `${path}.${name}`,
        });
      }
      return;
    }
    const list = rules.get(rule);
    if (list?.kind !== "map" || !Array.isArray(want) || !Array.isArray(have)) return;
    const wantedItems = new Map(want.map((item) => [identity(item, list), item]));
    const liveKeys = new Set(have.map((item) => identity(item, list)));
    const missing = want.filter((item) => !liveKeys.has(identity(item, list)));
    const others = have.filter((item) => !wantedItems.has(identity(item, list)));
    const renamed = renamedOf(missing, others, list, { rules, rule: `${rule}[]` });
    have.forEach((item, i) => {
      const key = identity(item, list);
      const inner = { rule: `${rule}[]`, pointer: `${pointer}/${i}`, path: `${path}[${key}]` };
      if (wantedItems.has(key)) walk(wantedItems.get(key), item, inner);
      else
        found.push({
          pointer: inner.pointer,
          path: inner.path,
          item,
          exclusive: list.exclusive === true,
          besideMissing: missing.length > 0,
          isRenamed: renamed.has(item),
        });
    });
  }
}

/**
 * Those of `others` that are `missing` items under other keys. Where more could be than are missing, some are somebody
 * else's, and none is taken for ours; nor is one of which nothing but the key is wanted, for any other would do.
 */
function renamedOf(
  missing: readonly unknown[],
  others: readonly unknown[],
  list: ListRule & { readonly kind: "map" },
  { rules, rule }: { readonly rules: ListRules; readonly rule: string },
): ReadonlySet<unknown> {
  const contents = missing.map((item) => withoutKeys(item, list)).filter((content) => content !== undefined);
  const renamed = others.filter((item) =>
    contents.some((content) => differences(content, item, rules, rule).length === 0),
  );
  return new Set(renamed.length <= contents.length ? renamed : []);
}

function withoutKeys(item: unknown, { keys }: { readonly keys: readonly string[] }): unknown {
  if (!isMap(item)) return undefined;
  const rest = Object.entries(item).filter(([name]) => !keys.includes(name));
  return rest.length === 0 ? undefined : Object.fromEntries(rest);
}

function pointerToken(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
