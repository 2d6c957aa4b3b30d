import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { type Command, Option } from "commander";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { type Io, print } from "../io.ts";
import { createAuthority, issueNode } from "../tls/authority.ts";
import { PkiDir } from "../tls/pki-dir.ts";

interface AddOptions {
  readonly dir?: string;
  readonly host?: readonly string[];
  readonly role?: string;
  readonly cluster?: string;
  readonly namespace: string;
}

/** `spice cluster tls init` and `spice cluster tls add NAME`. */
export function addTls(cluster: Command, cli: Cli): void {
  const tls = cluster.command("tls").description("a local CA and node certificates");
  tls
    .command("init")
    .description("create the CA")
    .option("--dir <dir>", "where the certificates are (default: ~/.spice/pki)")
    .action((options: { dir?: string }) => init(cli.io, pkiDir(cli.io, options.dir)));
  tls
    .command("add")
    .description("create the certificate of a node")
    .argument("<name>", "its common name, and the name of its files")
    .option("--dir <dir>", "where the certificates are (default: ~/.spice/pki)")
    .option("--host <host>", "a DNS name or IP address of the node; may be given again", collect)
    .addOption(
      new Option("--role <role>", "let peers check this role; needs --cluster").choices([
        "scheduler",
        "executor",
        "operator",
      ]),
    )
    .option("--cluster <name>", "the cluster that the role belongs to")
    .option("--namespace <name>", "its namespace", "default")
    .action((name: string, options: AddOptions) => add(cli.io, name, options));
}

async function init(io: Io, dir: PkiDir): Promise<void> {
  if (dir.hasAuthority && !(await confirmed(io, "CA certificate already exists. Overwrite (y/n)? "))) {
    print(io, "Kept the existing CA certificate.");
    return;
  }
  const files = dir.write("ca", await createAuthority(Date.now()));
  print(io, `CA certificate: ${files.certificate}\nCA key:         ${files.key}`);
}

async function add(io: Io, name: string, options: AddOptions): Promise<void> {
  if (!/^[A-Za-z0-9_-]+$/.test(name)) {
    throw new CliError("client name can only contain letters, numbers, hyphens, and underscores", {
      exitCode: 2,
    });
  }
  if (name === "ca") throw new CliError("The name ca belongs to the CA itself", { exitCode: 2 });
  if ((options.role === undefined) !== (options.cluster === undefined)) {
    throw new CliError("--role and --cluster belong together", { exitCode: 2 });
  }
  const roleName =
    options.role === undefined ? undefined : `${options.role}.${options.cluster}.${options.namespace}`;
  const dir = pkiDir(io, options.dir);
  const names = { name, hosts: options.host ?? [], ...(roleName === undefined ? {} : { roleName }) };
  const pair = await issueNode(dir.readAuthority(), names, Date.now());
  const files = dir.write(name, pair);
  print(
    io,
    `Start the node with:
  --node-mtls-ca-certificate-file ${join(dir.path, "ca.crt")}
  --node-mtls-certificate-file ${files.certificate}
  --node-mtls-key-file ${files.key}`,
  );
}

function pkiDir(io: Io, dir: string | undefined): PkiDir {
  return new PkiDir(dir === undefined ? join(io.home, ".spice", "pki") : resolve(io.cwd, dir));
}

function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

/** Ask; anything but yes is no, the end of the input included. */
async function confirmed(io: Io, question: string): Promise<boolean> {
  const lines = createInterface({ input: io.stdin, output: io.stdout });
  io.stdout.write(question);
  try {
    for await (const line of lines) return /^y(?:es)?$/i.test(line.trim());
    return false;
  } finally {
    lines.close();
  }
}
