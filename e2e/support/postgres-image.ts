import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, globSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxRootfs } from "./busybox-rootfs.ts";
import { copyIn, copyProgram } from "./copy-program.ts";
import { packImage } from "./pack-image.ts";
import { ordersTable, ordersTruth } from "./story-data.ts";

export const postgresImage = "localhost/story-postgres:1";
/** Of the user `spice` in the database `postgres`. */
export const postgresPassword = "story-postgres-password";

/** An image of this machine's PostgreSQL that fills the table `orders` when it starts; the answer to the query of them. */
export async function makePostgresImage(dir: string): Promise<{ archive: string; truth: string }> {
  const bin = process.env["TEST_POSTGRES_BIN"];
  if (bin === undefined) throw new Error("TEST_POSTGRES_BIN is not set; run: make test TIER=pods");
  const root = mkdtempSync(join(dir, ".postgres-"));
  try {
    chmodSync(root, 0o755);
    busyboxRootfs(root);
    const place = (what: string) =>
      execFileSync(join(bin, "pg_config"), [`--${what}`], { encoding: "utf8" }).trim();
    for (const program of ["initdb", "postgres"]) copyProgram(root, join(bin, program));
    for (const module of globSync(join(place("pkglibdir"), "*.so")))
      if (!module.includes("llvmjit")) copyIn(root, module);
    cpSync(place("sharedir"), join(root, place("sharedir")), { recursive: true, dereference: true });
    writeFileSync(join(root, "etc", "passwd"), "spice:x:65532:65532::/:/bin/sh\n");
    writeFileSync(join(root, "password"), postgresPassword);
    // Alone, the server takes a statement to end before an empty line.
    writeFileSync(join(root, "fill.sql"), `${ordersTable};\n\n`);
    const archive = join(dir, "postgres.tar");
    const server = `${bin}/postgres -D /tmp/data`;
    const settings = {
      listen_addresses: "*",
      unix_socket_directories: "/tmp",
      fsync: "off",
      shared_buffers: "32MB",
      timezone: "GMT",
    };
    const start = [
      `${bin}/initdb -D /tmp/data -U spice --pwfile=/password -A scram-sha-256 --no-sync -E UTF8 --locale=C`,
      "echo host all all all scram-sha-256 >> /tmp/data/pg_hba.conf",
      `${bin}/postgres --single -j -D /tmp/data postgres < /fill.sql`,
      `exec ${server} ${Object.entries(settings)
        .map(([name, value]) => `-c ${name}='${value}'`)
        .join(" ")}`,
    ].join(" && ");
    const entrypoint = ["/bin/sh", "-c", start];
    await packImage(root, { name: postgresImage, entrypoint, user: "65532" }, archive);
    return { archive, truth: await ordersTruth() };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
