import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A PostgreSQL server of the test's own. */
export interface PostgresServer {
  readonly port: number;
  /** Parameters of a dataset that reads from it. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Run SQL; gives what `psql` prints, unaligned and without headers. */
  sql(text: string): string;
  /** Stop the server at once, as a crash would; `start` brings it back on the same port. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Start a server in a temporary directory on a drawn port of 127.0.0.1, as an unprivileged user (PostgreSQL refuses
 * root). `TEST_POSTGRES_BIN` names the folder of the binaries. With `tls`, it takes TLS with a certificate of its own.
 */
export async function startPostgres(options: { tls?: boolean } = {}): Promise<PostgresServer> {
  const bin = process.env["TEST_POSTGRES_BIN"];
  if (bin === undefined) throw new Error("TEST_POSTGRES_BIN is not set: run the tests through `make test`");
  const root = process.getuid?.() === 0;
  const as = root ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"] : [];
  const directory = mkdtempSync(join(tmpdir(), "postgres-"));
  if (root) chownSync(directory, 65534, 65534);
  const data = join(directory, "data");
  const command = (program: string, ...args: string[]) =>
    [...as, join(bin, program), ...args] as [string, ...string[]];
  const run = ([file, ...args]: [string, ...string[]], input?: string) =>
    execFileSync(file, args, { cwd: directory, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"], input });
  run(
    command(
      "initdb",
      "-D",
      data,
      "-U",
      "spice",
      "--auth=trust",
      "--no-sync",
      "--encoding=UTF8",
      "--locale=C",
    ),
  );
  if (options.tls === true) {
    const [key, certificate] = [join(data, "server.key"), join(data, "server.crt")];
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-keyout",
        key,
        "-out",
        certificate,
      ],
      { stdio: "ignore" },
    );
    execFileSync("chmod", ["600", key]);
    if (root) for (const file of [key, certificate]) chownSync(file, 65534, 65534);
  }
  const port = await freePort();
  const settings = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: directory,
    fsync: "off",
    wal_level: "logical",
    shared_buffers: "32MB",
    timezone: "UTC",
    ssl: options.tls === true ? "on" : "off",
  };
  writeFileSync(
    join(data, "postgresql.auto.conf"),
    Object.entries(settings)
      .map(([name, value]) => `${name} = '${value}'\n`)
      .join(""),
  );
  let child: ChildProcess | undefined;
  const end = (signal: NodeJS.Signals) =>
    new Promise<void>((resolve) => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once("exit", () => resolve());
      child.kill(signal);
    });
  const server: PostgresServer = {
    port,
    parameters: {
      pg_host: "127.0.0.1",
      pg_port: String(port),
      pg_db: "postgres",
      pg_user: "spice",
      pg_sslmode: "disable",
    },
    sql: (text) =>
      run(
        command(
          "psql",
          "-h",
          "127.0.0.1",
          "-p",
          String(port),
          "-U",
          "spice",
          "-d",
          "postgres",
          "-v",
          "ON_ERROR_STOP=1",
          "-qAtX",
          "-f",
          "-",
        ),
        text,
      ).trimEnd(),
    kill: () => end("SIGQUIT"),
    async start() {
      const [file, ...args] = command("postgres", "-D", data);
      child = spawn(file, args, { cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
      let log = "";
      child.stderr?.on("data", (chunk: Buffer) => {
        log = (log + chunk.toString()).slice(-4000);
      });
      for (let attempt = 0; ; attempt++) {
        try {
          server.sql("SELECT 1");
          return;
        } catch (error) {
          if (attempt === 200 || child.exitCode !== null)
            throw new Error(`PostgreSQL did not start:\n${log}`, { cause: error });
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    },
    async stop() {
      await end("SIGINT");
      rmSync(directory, { recursive: true, force: true });
    },
  };
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** A port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === "object" && address !== null
          ? resolve(address.port)
          : reject(new Error("no port")),
      );
    });
  });
}
