import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { quoteIdentifier, quoteLiteral } from "../../../core/sql/quote.ts";
import { messageOf } from "../../../core/text/message-of.ts";
import { Turns } from "../../../core/turns.ts";
import { StorageFullError } from "../../../ports/accelerator.ts";
import type { Database } from "../../../ports/database.ts";
import { caseSafe } from "../segment-space.ts";

/** A checkpoint writes what the log has, and some blocks of 256 KiB beside. */
const checkpointReserve = 2 ** 20;
/** Pauses while a short write is in the way of a checkpoint. */
const shortPauses = [10, 20, 50, 100, 200] as const;
/** Pauses while running queries still hold a file that was given up; the next refresh goes on when they are over. */
const pausesMs = [...shortPauses, ...Array<number>(120).fill(500)];

/**
 * A DuckDB file in the serving database.
 *
 * When a checkpoint fails in the middle, as on a full disk, the engine gives up this one file (1.5.5: the others and
 * the instance go on): every statement over it fails until it is detached and attached again, which takes over the log
 * and needs no room. So checkpoints are not begun without room, and a file that was given up is attached again at once.
 *
 * attached ──checkpoint fails──▶ given up ──detach──▶ (running queries end) ──attach──▶ attached
 */
export class AttachedFile {
  readonly database: Database;
  readonly path: string;
  /** The catalogue's name, without quotes. */
  readonly name: string;
  readonly #warn: (message: string, cause: unknown) => void;
  #attached = false;
  /** Given up by the engine and not attached again yet. */
  #lost = false;
  #reopening: Promise<boolean> | undefined;
  /** Attaching, detaching and checkpoints follow each other. */
  readonly #turns = new Turns();
  /** How many detachings wait for their turn. */
  #leaving = 0;

  constructor(
    database: Database,
    place: { path: string; name: string },
    warn: (message: string, cause: unknown) => void,
  ) {
    this.database = database;
    this.path = place.path;
    this.name = caseSafe(place.name);
    this.#warn = warn;
  }

  get attached(): boolean {
    return this.#attached;
  }

  relation(table: string): string {
    return `${quoteIdentifier(this.name)}.main.${quoteIdentifier(table)}`;
  }

  /** Attach the file, made when absent; waits until statements that still hold it from before its detaching end. */
  async attach(): Promise<void> {
    await this.#reopening;
    if (this.#attached && this.#leaving === 0) return;
    await this.#turns.take(async () => {
      await this.#reopening;
      if (this.#attached) return;
      await this.#attachAgain();
      this.#attached = true;
      this.#lost = false;
    });
  }

  detach(): Promise<void> {
    this.#leaving += 1;
    return this.#turns.take(() => this.#detach());
  }

  async #detach(): Promise<void> {
    await this.#reopening;
    this.#leaving -= 1;
    this.#lost = false;
    if (!this.#attached) return;
    this.#attached = false;
    try {
      await this.database.run(`DETACH ${quoteIdentifier(this.name)}`);
    } catch (error) {
      // Detached it is all the same; the log stays for the next start.
      if (!messageOf(error).startsWith("IO Error: Detached database")) throw error;
      this.#putOff(error);
    }
  }

  /**
   * Move the log to its final place. Throws {@link StorageFullError} without room for that, or `SqlError`; what is
   * committed stays readable in both cases.
   */
  checkpoint(): Promise<void> {
    return this.#turns.take(() => this.#checkpoint());
  }

  async #checkpoint(): Promise<void> {
    if (this.#attached || this.#lost) await this.#heal();
    if (!this.#attached) return;
    const log = await stat(`${this.path}.wal`).catch(() => undefined);
    if (log === undefined) return;
    await this.#checkRoom(log.size);
    try {
      await this.#moveLog();
    } catch (error) {
      await this.recover(error);
      throw error;
    }
  }

  /** The engine refuses a checkpoint during a write; those that a refresh does not wait for are short. */
  async #moveLog(): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.database.run(`CHECKPOINT ${quoteIdentifier(this.name)}`);
        return;
      } catch (error) {
        if (attempt === shortPauses.length || !messageOf(error).includes("other write transactions"))
          throw error;
        await sleep(shortPauses[attempt]!);
      }
    }
  }

  /** As `checkpoint`, but a failure is only told: the commit is durable in the log. */
  async settle(): Promise<void> {
    try {
      await this.checkpoint();
    } catch (error) {
      this.#putOff(error);
    }
  }

  /** Attach the file again if `error` says that the engine gave it up, or that is under way; true when it answers then. */
  async recover(error: unknown): Promise<boolean> {
    if (this.#reopening !== undefined) return this.#reopening;
    return isGivenUp(error) && this.#attached ? this.#heal() : false;
  }

  #heal(): Promise<boolean> {
    this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = undefined;
    });
    return this.#reopening;
  }

  async #reopen(): Promise<boolean> {
    try {
      if (!this.#lost) {
        if (await this.#answers()) return true;
        await this.database.run(`DETACH ${quoteIdentifier(this.name)}`);
        this.#attached = false;
        this.#lost = true;
      }
      await this.#attachAgain();
      this.#attached = true;
      this.#lost = false;
      return true;
    } catch (error) {
      this.#warn(`${this.path} could not be opened again after a failed checkpoint`, error);
      return false;
    }
  }

  /**
   * Attach when the running statements that hold the file as it was have ended: queries, but also whatever looks
   * through all catalogues, as lists of tables do.
   */
  async #attachAgain(): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.database.run(`ATTACH ${quoteLiteral(this.path)} AS ${quoteIdentifier(this.name)}`);
        return;
      } catch (error) {
        const pauseMs = pausesMs[attempt];
        if (pauseMs === undefined || !(await this.#isEnding(messageOf(error)))) throw error;
        await sleep(pauseMs);
      }
    }
  }

  /** Whether the file is held by a catalogue that is detached already; one that is attached keeps it. */
  async #isEnding(message: string): Promise<boolean> {
    const holder = /already attached by database "(.*)"/.exec(message)?.[1];
    if (holder === undefined) return false;
    const attached = await this.database.rows(
      `SELECT 1 AS yes FROM duckdb_databases() WHERE database_name = ${quoteLiteral(holder)}`,
    );
    return attached.length === 0;
  }

  /** Drop the file's tables that are not `used`: crashes leave them. */
  async sweep(used: ReadonlySet<string>): Promise<void> {
    let tables: readonly string[];
    try {
      const rows = await this.database.rows(
        `SELECT table_name AS name FROM duckdb_tables() WHERE database_name = ${quoteLiteral(this.name)}`,
      );
      tables = rows.map(({ name }) => String(name));
    } catch (error) {
      // The function asks every catalogue: another file may be given up, another dataset's source be down.
      this.#warn(`Tables of the past in ${this.path} stay until the next start`, error);
      return;
    }
    for (const name of tables) {
      if (!used.has(name)) await this.database.run(`DROP TABLE ${this.relation(name)}`);
    }
  }

  async #answers(): Promise<boolean> {
    try {
      await this.database.rows(`SELECT 1 FROM ${this.relation("spice_any")} LIMIT 0`);
    } catch (error) {
      return !isGivenUp(error);
    }
    return true;
  }

  async #checkRoom(logBytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(dirname(this.path));
    const needed = 2 * logBytes + checkpointReserve;
    if (bavail * bsize >= needed) return;
    const free = bavail * bsize + (await this.#freeInside());
    if (free >= needed) return;
    throw new StorageFullError(
      `No room to checkpoint ${this.path}: ${free} bytes are free, ${needed} are wanted. Its data keeps serving from the log.`,
    );
  }

  /** Bytes of the file that a checkpoint may use again. */
  async #freeInside(): Promise<number> {
    try {
      const [row] = await this.database.rows(
        `SELECT free_blocks * block_size AS free FROM pragma_database_size() WHERE database_name = ${quoteLiteral(this.name)}`,
      );
      return Number(row?.["free"] ?? 0);
    } catch {
      // The function asks every catalogue; without what another one fails with, the room is there or not all the same.
      return 0;
    }
  }

  #putOff(error: unknown): void {
    this.#warn(`Checkpoint of ${this.path} was put off`, error);
  }
}

function isGivenUp(error: unknown): boolean {
  const message = messageOf(error);
  // A fatal error is of the whole instance, which nothing here can help.
  return message.includes("has been invalidated") && !message.startsWith("FATAL");
}
