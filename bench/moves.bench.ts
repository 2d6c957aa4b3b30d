/**
 * What moves cost (B17, B22): loss, drain, join, and what clients see meanwhile; planning at size; requests to the
 * store; and mTLS. `SECTIONS` names those to run.
 */
import type { Figure } from "./figure.ts";
import { movesData } from "./moves/data.ts";
import { lossAndDrain } from "./moves/loss.ts";
import { movesAtSize } from "./moves/minimum.ts";
import { phases } from "./moves/phases.ts";
import { storeRequests } from "./moves/requests.ts";
import { tlsCost } from "./moves/tls-cost.ts";

const partitions = (process.env["PARTITIONS"] ?? "12,100").split(",").map(Number);
const schedulers = (process.env["SCHEDULERS"] ?? "1,3,9").split(",").map(Number);

export async function run(): Promise<readonly Figure[]> {
  const data = await movesData();
  try {
    const sections: Readonly<Record<string, () => Promise<Figure[]>>> = {
      loss: async () => (await inTurn(partitions, (n) => lossAndDrain(data, n))).flat(),
      phases: () => phases(data),
      minimum: async () => movesAtSize(),
      store: async () => (await inTurn(schedulers, (n) => storeRequests(data, n))).flat(),
      tls: () => tlsCost(data),
    };
    const asked = (process.env["SECTIONS"] ?? Object.keys(sections).join()).split(",");
    return (
      await inTurn(asked, (name) => {
        const section = sections[name];
        if (section === undefined) throw new Error(`Sections: ${Object.keys(sections).join(", ")}`);
        return section();
      })
    ).flat();
  } finally {
    await data.close();
  }
}

async function inTurn<T, R>(values: readonly T[], work: (value: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const value of values) results.push(await work(value));
  return results;
}
