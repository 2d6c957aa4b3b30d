import { sameQuantity } from "./quantity.ts";
import { identity, isLeftOut, isMap, isQuantityPath, type ListRules } from "./schema-rules.ts";

/** A field that is not as wanted; its name is for people. */
export interface Difference {
  readonly path: string;
  /** `undefined`: an item that must not be there. */
  readonly wanted: unknown;
  /** `undefined`: absent. */
  readonly found: unknown;
}

/**
 * The fields of `wanted` that `live` has not, or has otherwise. What `live` has besides is other managers' or
 * the server's own and no difference, except in lists that are atomic or exclusive, which belong to one manager as a
 * whole. `rule` is where in an object the two values are, when they are parts of one.
 */
export function differences(wanted: unknown, live: unknown, rules: ListRules, rule = ""): Difference[] {
  const found: Difference[] = [];
  compare({ wanted, live, rule, path: "" });
  return found;

  function compare(at: { wanted: unknown; live: unknown; rule: string; path: string }): void {
    const { wanted: want, live: have, rule, path } = at;
    if (want === undefined || want === null || Object.is(want, have)) return;
    if (have === undefined || have === null) {
      if (!isLeftOut(rule, want)) found.push({ path, wanted: want, found: undefined });
    } else if (Array.isArray(want)) {
      if (!Array.isArray(have)) found.push({ path, wanted: want, found: have });
      else compareLists(want, have, rule, path);
    } else if (isMap(want)) {
      if (!isMap(have)) found.push({ path, wanted: want, found: have });
      else {
        for (const [name, value] of Object.entries(want)) {
          const field = { wanted: value, live: have[name] };
          compare({ ...field, rule: join(rule, name), path: join(path, name) });
        }
      }
    } else if (!(isQuantityPath(rule) && sameQuantity(want, have))) {
      found.push({ path, wanted: want, found: have });
    }
  }

  function compareLists(want: unknown[], have: unknown[], rule: string, path: string): void {
    const list = rules.get(rule);
    if (list === undefined) {
      if (want.length !== have.length) found.push({ path, wanted: want, found: have });
      else {
        want.forEach((item, i) => {
          compare({ wanted: item, live: have[i], rule: `${rule}[]`, path: `${path}[${i}]` });
        });
      }
      return;
    }
    const present = new Map(have.map((item) => [identity(item, list), item]));
    for (const item of want) {
      const id = identity(item, list);
      compare({ wanted: item, live: present.get(id), rule: `${rule}[]`, path: `${path}[${id}]` });
      present.delete(id);
    }
    if (list.kind === "map" && list.exclusive === true) {
      for (const [id, item] of present)
        found.push({ path: `${path}[${id}]`, wanted: undefined, found: item });
    }
  }
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
