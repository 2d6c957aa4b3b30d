import { join } from "node:path";
import { quoteLiteral } from "../../core/sql/quote.ts";
import type { RepeatedStatements } from "./repeated-statements.ts";

/** One COPY into a path that nobody else uses until `release`. */
export interface Copy {
  readonly path: string;
  /** Run it; gives the number of rows. */
  run(signal: AbortSignal): Promise<number>;
  release(): void;
}

/** COPY statements of which the repeated ones stay planned, each with a path of its own. */
export class RepeatedCopies {
  readonly #statements: RepeatedStatements;
  readonly #directory: string;

  constructor(statements: RepeatedStatements, directory: string) {
    this.#statements = statements;
    this.#directory = directory;
  }

  /** @param options of COPY. */
  async acquire(select: string, options: string): Promise<Copy> {
    const path = (id: number) => join(this.#directory, `direct-${id}`);
    const statement = await this.#statements.acquire(
      `COPY ${options} ${select}`,
      (id) => `COPY (${select}) TO ${quoteLiteral(path(id))} (${options})`,
    );
    return {
      path: path(statement.id),
      run: (signal) => statement.run(signal),
      release: () => statement.release(),
    };
  }
}
