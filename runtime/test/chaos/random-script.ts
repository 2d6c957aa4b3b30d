import type { Draw } from "../support/draw.ts";
import type { Script, Step } from "./script.ts";

const executors = ["e0", "e1", "e2", "e3", "e4"] as const;
const schedulers = ["s0", "s1", "s2"] as const;

/**
 * Three to six faults that overlap, drawn from everything that the named scripts do but for killed schedulers, whose ids
 * are free again only after half a minute. Every error is allowed that is documented; everything else that holds in a
 * named script holds here.
 */
export function randomScript(index: number, draw: Draw): Script {
  const one = <T>(list: readonly T[]): T => list[draw.below(list.length)]!;
  const steps: Step[] = [];
  const dead = new Set<string>();
  const frozen = new Set<string>();
  const count = 3 + draw.below(4);
  for (let i = 0; i < count; i += 1) {
    steps.push(...fault());
    steps.push({ do: "wait", ms: 200 + draw.below(2_500) });
  }
  return {
    name: `random-${index}`,
    steps,
    failures: "refused",
    logs: [/The assignment cycle failed/, /The cluster document could not be read/],
    convergesWithinMs: 75_000,
  };

  function fault(): readonly Step[] {
    const [executor, scheduler] = [one(executors), one(schedulers)];
    const mode = one(["silent", "refuse"] as const);
    switch (draw.below(12)) {
      case 0:
        if (frozen.has(executor)) return thaw(executor);
        if (dead.has(executor)) {
          dead.delete(executor);
          return [{ do: "start", who: [executor] }];
        }
        dead.add(executor);
        return [{ do: "kill", who: [executor] }];
      case 1:
      case 2:
        if (dead.has(executor)) return [];
        if (frozen.has(executor)) return thaw(executor);
        frozen.add(executor);
        return [{ do: "freeze", who: [executor] }];
      case 3:
        if (frozen.has(scheduler)) return thaw(scheduler);
        frozen.add(scheduler);
        return [{ do: "freeze", who: [scheduler] }];
      case 4:
        return [{ do: "cut", a: [executor], b: [scheduler], mode }];
      case 5:
        return [{ do: "cut", a: [executor], b: ["schedulers"], mode }];
      case 6:
        return [{ do: "cut", a: [scheduler], b: ["executors"], mode }];
      case 7:
        return [{ do: "cut", a: ["executors"], b: ["executors"], mode }];
      case 8:
        return [{ do: "cut", a: [scheduler], b: ["s3"], mode }];
      case 9:
        return [
          {
            do: "s3",
            who: ["schedulers"],
            fault: one([
              { kind: "delay", ms: 700 },
              { kind: "status", status: 503, code: "ServiceUnavailable" },
              { kind: "status", status: 409, code: "ConditionalRequestConflict" },
              { kind: "cut-reply" },
              { kind: "drop" },
            ] as const),
            method: "PUT",
            oneIn: 3,
          },
        ];
      case 10:
        return dead.has(executor) || frozen.has(executor) ? [] : [{ do: "restart", who: [executor] }];
      default:
        return [{ do: "mend" }];
    }
  }

  function thaw(name: string): readonly Step[] {
    frozen.delete(name);
    return [{ do: "thaw", who: [name] }];
  }
}
