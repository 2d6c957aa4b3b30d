import { describe, expect, test } from "@jest/globals";
import type { Clock } from "../../../ports/clock.ts";
import { Pulse, pulseTurns } from "./pulse.ts";

const { waiting, reading } = pulseTurns;

/** A watch whose turns come when the test says so, and a peer that answers when it says so. */
class Bench {
  readonly pulse: Pulse;
  readonly given: string[] = [];
  asked = 0;
  #wake: (() => void) | undefined;
  #answer: (() => void) | undefined;

  constructor() {
    const clock: Clock = {
      wallMs: () => 0,
      monotonicMs: () => 0,
      sleep: (_, signal) =>
        new Promise((resolve, reject) => {
          signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
          this.#wake = resolve;
        }),
    };
    const ask = () => {
      this.asked += 1;
      return new Promise<void>((resolve) => {
        this.#answer = resolve;
      });
    };
    this.pulse = new Pulse({ clock, ask });
  }

  watch(name: string) {
    return this.pulse.watch(() => this.given.push(name));
  }

  get watching(): boolean {
    return this.#wake !== undefined;
  }

  async turns(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      const wake = this.#wake;
      this.#wake = undefined;
      wake?.();
      await settled();
    }
  }

  async answer(): Promise<void> {
    this.#answer?.();
    await settled();
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("the pulse of a peer", () => {
  test("calls are given up after their number of silent turns, each once", async () => {
    const bench = new Bench();
    bench.watch("waits");
    bench.watch("reads").heard();
    await bench.turns(waiting - 1);
    expect([bench.given, bench.pulse.isSilent]).toEqual([[], false]);
    await bench.turns(1);
    expect([bench.given, bench.pulse.isSilent]).toEqual([["waits"], true]);
    await bench.turns(reading - waiting - 1);
    expect(bench.given).toEqual(["waits"]);
    await bench.turns(5);
    expect(bench.given).toEqual(["waits", "reads"]);
  });

  test("is asked for once while no answer has come, and an answer begins a new silence", async () => {
    const bench = new Bench();
    bench.watch("a");
    await bench.turns(pulseTurns.ask - 1);
    expect(bench.asked).toBe(0);
    await bench.turns(waiting - pulseTurns.ask);
    expect(bench.asked).toBe(1);
    await bench.answer();
    await bench.turns(waiting - 1);
    expect([bench.asked, bench.given]).toEqual([2, []]);
    await bench.turns(1);
    expect(bench.given).toEqual(["a"]);
  });

  test("what comes on one call is a sign of life for all", async () => {
    const bench = new Bench();
    const speaker = bench.watch("speaks");
    bench.watch("waits");
    for (let i = 0; i < 5; i += 1) {
      await bench.turns(waiting - 1);
      speaker.heard();
    }
    expect(bench.given).toEqual([]);
  });

  test("its return is noticed although nobody calls; then the watch rests, and the next one begins anew", async () => {
    const bench = new Bench();
    const call = bench.watch("a");
    await bench.turns(waiting);
    call.end();
    await bench.turns(3);
    expect([bench.pulse.isSilent, bench.watching]).toEqual([true, true]);
    await bench.answer();
    expect(bench.pulse.isSilent).toBe(false);
    await bench.turns(1);
    expect(bench.watching).toBe(false);
    bench.watch("b");
    await bench.turns(waiting - 1);
    expect(bench.given).toEqual(["a"]);
    await bench.turns(1);
    expect(bench.given).toEqual(["a", "b"]);
  });

  test("a call that ended is not given up, nor is any after the close", async () => {
    const bench = new Bench();
    bench.watch("ended").end();
    bench.watch("left");
    await bench.turns(waiting - 1);
    bench.pulse.close();
    await bench.turns(reading);
    expect([bench.given, bench.watching]).toEqual([[], false]);
  });
});
