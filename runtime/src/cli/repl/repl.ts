import { createInterface, type Interface } from "node:readline";
import { isBlank, splitStatements } from "../../core/sql/split-statements.ts";
import type { ApiClient } from "../api-client.ts";
import { type DatasetRow, datasetColumns } from "../commands/datasets.ts";
import { type Io, print } from "../io.ts";
import { type OutputFormat, printRows } from "../output.ts";
import { outcomeLine, runSql } from "../run-sql.ts";
import { Completer } from "./completer.ts";
import { History } from "./history.ts";

const help = `  statements end with ;   Ctrl-C cancels   Ctrl-D or \\q leaves
  \\d            tables
  \\d TABLE      columns of a table
  \\timing       switch the line of figures after each answer`;

/** The prompt of `spice sql`. */
export class Repl {
  readonly #io: Io;
  readonly #client: ApiClient;
  readonly #format: OutputFormat;
  readonly #completer: Completer;
  #timing = true;
  /** Lines of a statement that is not finished. */
  #pending = "";
  #running: AbortController | undefined;

  constructor(io: Io, client: ApiClient, format: OutputFormat) {
    this.#io = io;
    this.#client = client;
    this.#format = format;
    this.#completer = new Completer(client);
  }

  /** Read and answer until the user leaves. */
  async run(): Promise<void> {
    const history = new History(this.#io.home);
    const lines = createInterface({
      input: this.#io.stdin,
      output: this.#io.stdout,
      prompt: "spice> ",
      history: history.load(),
      completer: (line: string) => this.#completer.complete(line),
    });
    lines.on("SIGINT", () => this.#cancel(lines));
    print(this.#io, `Connected to ${this.#client.endpoint}. \\? for help.`);
    await this.#completer.refresh(this.#io.signal);
    lines.prompt();
    try {
      for await (const line of lines) {
        if (/^\s*(?:\\q|quit|exit)\s*;?\s*$/i.test(line) && this.#pending === "") return;
        await this.#take(line, history);
        lines.setPrompt(this.#pending === "" ? "spice> " : "  ...> ");
        lines.prompt();
      }
    } finally {
      lines.close();
    }
  }

  async #take(line: string, history: History): Promise<void> {
    if (this.#pending === "" && /^\s*\\/.test(line)) {
      await this.#meta(line.trim());
      return;
    }
    const { statements, rest } = splitStatements(`${this.#pending}${line}\n`);
    this.#pending = isBlank(rest) ? "" : rest;
    for (const statement of statements) {
      history.add(`${statement};`);
      await this.#answer(statement);
    }
  }

  async #meta(line: string): Promise<void> {
    const [command, name] = line.split(/\s+/);
    switch (command) {
      case "\\d":
        if (name === undefined) await this.#tables();
        else await this.#answer(`DESCRIBE ${name.replace(/;$/, "")}`);
        return;
      case "\\timing":
        this.#timing = !this.#timing;
        print(this.#io, `Timing is ${this.#timing ? "on" : "off"}.`);
        return;
      case "\\?":
        print(this.#io, help);
        return;
      default:
        print(this.#io, `Unknown command ${command}. \\? for help.`);
    }
  }

  async #tables(): Promise<void> {
    try {
      const datasets = await this.#client.json<DatasetRow[]>("/v1/datasets?status=true", this.#io.signal);
      printRows(this.#io, this.#format, datasets, datasetColumns(Date.now()));
    } catch (error) {
      print(this.#io, (error as Error).message);
    }
  }

  async #answer(statement: string): Promise<void> {
    this.#running = new AbortController();
    try {
      const signal = AbortSignal.any([this.#running.signal, this.#io.signal]);
      const outcome = await runSql(this.#io, this.#client, statement, this.#format, signal);
      if (this.#timing) print(this.#io, outcomeLine(outcome));
    } catch (error) {
      print(this.#io, this.#running.signal.aborted ? "Cancelled." : (error as Error).message);
    } finally {
      this.#running = undefined;
    }
  }

  /** Ctrl-C: stop the running statement, else drop what was typed. */
  #cancel(lines: Interface): void {
    if (this.#running !== undefined) {
      this.#running.abort();
      return;
    }
    this.#pending = "";
    print(this.#io, "");
    lines.setPrompt("spice> ");
    // Drop the line that is being typed as well.
    lines.write(null, { ctrl: true, name: "u" });
    lines.prompt();
  }
}
