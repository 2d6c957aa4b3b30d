import { join } from "node:path";
import { type Figure, interleaved } from "../figure.ts";
import { timed } from "../support.ts";
import { MovesBed } from "./bed.ts";
import type { MovesData } from "./data.ts";
import { Pki } from "./pki.ts";

/** The same statements to two equal clusters in turn: one under mTLS, one without. The baseline is the latter. */
export async function tlsCost(data: MovesData): Promise<Figure[]> {
  const rounds = Number(process.env["ROUNDS"] ?? 200);
  const options = { executors: 3, partitions: 36 };
  const pki = await Pki.create(join(data.dir, "pki-cost"), [
    "scheduler-0",
    ...Array.from({ length: options.executors }, (_, i) => `executor-${i}`),
  ]);
  const beds: MovesBed[] = [];
  try {
    const secure = await MovesBed.start(data, { ...options, security: pki.flags });
    beds.push(secure);
    const plain = await MovesBed.start(data, options);
    beds.push(plain);
    const ask = (bed: MovesBed, sql: string) => timed(bed.cluster, sql);
    let key = 0;
    const point = (bed: MovesBed) => {
      key += 7919;
      return ask(bed, `SELECT id, b, d, s FROM t WHERE id = ${key % data.rows}`);
    };
    const aggregate = "SELECT count(*) AS n, sum(b) AS s, max(d) AS m FROM t";
    const wide = `SELECT * FROM t WHERE id < ${Math.floor(data.rows / 10)}`;
    const figures: Figure[] = [];
    const candidates: Readonly<Record<string, (bed: MovesBed) => Promise<unknown>>> = {
      "point query": point,
      "small aggregate": (bed) => ask(bed, aggregate),
      "a tenth of the rows": (bed) => ask(bed, wide),
    };
    for (const [name, work] of Object.entries(candidates)) {
      // Ten rounds first, for both.
      await interleaved({ secure: () => work(secure), plain: () => work(plain) }, 10);
      const times = await interleaved(
        { secure: () => work(secure), plain: () => work(plain) },
        name === "a tenth of the rows" ? Math.min(rounds, 20) : rounds,
      );
      figures.push({
        name: `${name} under mTLS ÷ without, p50`,
        value: times["secure"]!,
        baseline: times["plain"]!,
        unit: "ms",
      });
    }
    return figures;
  } finally {
    for (const bed of beds) await bed.stop();
  }
}
