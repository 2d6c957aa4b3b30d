import { createHash } from "node:crypto";
import { quoteIdentifier, quoteLiteral } from "../../core/sql/quote.ts";
import { Turns } from "../../core/turns.ts";
import type { Database } from "../../ports/database.ts";

/** What a secret of the engine is for: its TYPE. */
export type SecretType = "s3" | "postgres";

/** Who has a secret of one name, and what is being done to it. Known as long as it has holders or something is to be done. */
interface Shared {
  holders: number;
  waiting: number;
  readonly turns: Turns;
}

const secretsOf = new WeakMap<Database, Map<string, Shared>>();

/**
 * A temporary secret of the engine, for as long as someone holds it. Two sources of the same identity share one: what one
 * renews the other has too, and the last to release it drops it. Changes of one secret follow each other, since the
 * engine (1.5.5) fails the second of two `CREATE OR REPLACE SECRET` at the same moment.
 */
export class HeldSecret {
  /** Quoted. */
  readonly name: string;
  readonly #database: Database;
  readonly #type: SecretType;
  readonly #secrets: Map<string, Shared>;
  #shared: Shared | undefined;

  /** @param identity what tells this secret from others; JSON */
  constructor(database: Database, type: SecretType, identity: unknown) {
    this.name = quoteIdentifier(
      `spice_${type}_${createHash("sha256").update(JSON.stringify(identity)).digest("hex").slice(0, 16)}`,
    );
    this.#database = database;
    this.#type = type;
    this.#secrets = secretsOf.get(database) ?? new Map();
    secretsOf.set(database, this.#secrets);
  }

  /** Make it, or give it these values; held until {@link release}. Throws `SqlError`. */
  async put(options: Readonly<Record<string, string | boolean | undefined>>): Promise<void> {
    const shared = this.#hold();
    const listed = Object.entries(options)
      .filter((option): option is [string, string | boolean] => option[1] !== undefined)
      .map(([name, value]) => `${name} ${typeof value === "boolean" ? value : quoteLiteral(value)}`);
    await this.#inTurn(shared, () =>
      this.#database.run(
        `CREATE OR REPLACE TEMPORARY SECRET ${this.name} (${[`TYPE ${this.#type}`, ...listed].join(", ")})`,
      ),
    );
  }

  /** Drop it unless another holds it; nothing to do when it is not held. */
  async release(): Promise<void> {
    const shared = this.#shared;
    this.#shared = undefined;
    if (shared === undefined) return;
    shared.holders -= 1;
    await this.#inTurn(shared, async () => {
      if (shared.holders > 0) return;
      await this.#database.run(`DROP TEMPORARY SECRET IF EXISTS ${this.name}`);
    });
  }

  #hold(): Shared {
    if (this.#shared !== undefined) return this.#shared;
    const shared = this.#secrets.get(this.name) ?? { holders: 0, waiting: 0, turns: new Turns() };
    this.#secrets.set(this.name, shared);
    shared.holders += 1;
    this.#shared = shared;
    return shared;
  }

  async #inTurn(shared: Shared, change: () => Promise<unknown>): Promise<void> {
    shared.waiting += 1;
    await shared.turns.take(async () => {
      try {
        await change();
      } finally {
        shared.waiting -= 1;
        // Not while others wait: whoever came then would not be in line with them.
        if (shared.waiting === 0 && shared.holders === 0) this.#secrets.delete(this.name);
      }
    });
  }
}
