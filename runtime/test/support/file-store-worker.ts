/**
 * One process of several that use a file store: `node --conditions=source file-store-worker.ts MODE DIRECTORY COUNT`.
 *
 * `increment`: adds COUNT to the object `counter` by compare-and-set, then prints `{"msg":"done"}`.
 * `hold`: takes the store's lock, prints `{"msg":"held"}`, and keeps it until the process is killed.
 * `write`: replaces the object `busy` without end, after `{"msg":"writing"}`, until it is killed.
 */
import { join } from "node:path";
import { controlFolder, FileStore } from "../../src/adapters/store/file.ts";
import { FileLock } from "../../src/adapters/store/file-lock.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { systemRandom } from "../../src/adapters/system/random.ts";

const [mode, directory = "", count = "0"] = process.argv.slice(2);
const deps = { clock: systemClock, random: systemRandom };
const store = new FileStore(directory, deps);
const say = (msg: string): void => console.log(JSON.stringify({ msg }));

switch (mode) {
  case "increment":
    for (let done = 0; done < Number(count); ) {
      const found = await store.get("counter");
      if (found === undefined) throw new Error("there is no counter");
      const next = Buffer.from(String(Number(Buffer.from(found.body).toString()) + 1));
      const outcome = await store.put("counter", next, { kind: "match", etag: found.etag });
      if (outcome.kind === "written") done += 1;
    }
    say("done");
    break;
  case "hold":
    await new FileLock(join(directory, controlFolder, "lock"), deps).run(async () => {
      say("held");
      await systemClock.sleep(3_600_000);
    });
    break;
  case "write":
    say("writing");
    for (let i = 0; ; i += 1) {
      const body = Buffer.alloc(50_000, String(i % 10));
      await store.put("busy", body, { kind: "any" });
    }
  default:
    throw new Error(`unknown mode ${mode}`);
}
