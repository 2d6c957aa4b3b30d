/**
 * Preloaded into a node under test: its wall clock jumps forward by an hour at each SIGUSR2, as when somebody sets the
 * machine's time. The monotonic clock stays what it is.
 */
const jumpMs = 3_600_000;
const system = Date.now;
let shiftMs = 0;

class ShiftedDate extends Date {
  constructor(...given: [] | [number | string | Date]) {
    if (given.length === 0) super(system() + shiftMs);
    else super(given[0]);
  }

  static override now(): number {
    return system() + shiftMs;
  }
}

process.on("SIGUSR2", () => {
  shiftMs += jumpMs;
});
globalThis.Date = ShiftedDate as DateConstructor;
