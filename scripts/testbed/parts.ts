import { spawnSync } from "node:child_process";
import { existsSync, globSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { aptInstall } from "./apt.ts";
import { build, MissingToolError, need, type Provider, run } from "./build.ts";
import { provideKubectlHelm, provideKubernetes } from "./kubernetes.ts";

export const duckdbVersion = "1.5.5";
const extensions = ["httpfs", "postgres-scanner", "sqlite-scanner", "tpch", "tpcds"];
const versitygwVersion = "v1.8.0";
const s3sVersion = "0.14.1";

export const parts = {
  /** DuckDB's own signed extensions, from wheels of exactly the engine's version. */
  "duckdb-extensions": (cacheDir) => {
    const dir = build(cacheDir, "duckdb-extensions", [duckdbVersion, "flat", ...extensions], (target) => {
      need("python3", "Python 3 with pip downloads DuckDB's extension packages");
      if (spawnSync("python3", ["-m", "pip", "--version"]).status !== 0) {
        throw new MissingToolError(
          "python3 has no module pip, which downloads DuckDB's extension packages: install python3-pip",
        );
      }
      const wheels = extensions.map((name) => `duckdb-extension-${name}==${duckdbVersion}`);
      const unpacked = join(target, ".wheels");
      const pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"];
      run("python3", [...pip, "-d", unpacked, ...wheels]);
      for (const wheel of globSync("*.whl", { cwd: unpacked })) {
        run("python3", ["-m", "zipfile", "-e", join(unpacked, wheel), unpacked]);
      }
      for (const file of globSync("**/*.duckdb_extension", { cwd: unpacked })) {
        renameSync(join(unpacked, file), join(target, basename(file)));
      }
      rmSync(unpacked, { recursive: true });
    });
    const files = globSync("*.duckdb_extension", { cwd: dir });
    return {
      SPICED_EXTENSION_DIR: dir,
      DUCKDB_EXTENSION_FILES: files.map((f) => join(dir, f)).join(":"),
    };
  },

  /** A real S3 server with conditional writes. */
  "s3-server": (cacheDir) => {
    const dir = build(cacheDir, "versitygw", [versitygwVersion], (target) => {
      need("go", "Go builds the S3 test server");
      run("go", ["install", `github.com/versity/versitygw/cmd/versitygw@${versitygwVersion}`], {
        env: { GOBIN: target },
      });
    });
    return { TEST_VERSITYGW: join(dir, "versitygw") };
  },

  /** An S3 server that lets several conditional writers win: the conformance suite must catch it. */
  "s3-controls": (cacheDir) => {
    const dir = build(cacheDir, "s3s-fs", [s3sVersion], (target) => {
      need("cargo", "Cargo builds the S3 server that serves as negative control");
      run("cargo", [
        "install",
        "--quiet",
        "--root",
        target,
        "--version",
        s3sVersion,
        "--features",
        "binary",
        "s3s-fs",
      ]);
    });
    return { TEST_S3S_FS: join(dir, "bin", "s3s-fs") };
  },

  /** The binaries of a PostgreSQL server; every test starts its own in a temporary directory. */
  postgresql: () => {
    const found = () =>
      globSync("/usr/lib/postgresql/*/bin")
        .filter((d) => existsSync(join(d, "initdb")))
        .sort()
        .at(-1);
    if (found() === undefined) aptInstall("postgresql");
    const dir = found();
    if (dir === undefined) throw new MissingToolError("install the Debian package postgresql");
    return { TEST_POSTGRES_BIN: dir };
  },

  /** What a node of Kubernetes needs of the system, and a builder of images. */
  "node-packages": () => {
    if (process.platform !== "linux") throw new MissingToolError("nodes with real pods need Linux");
    const needed = {
      containerd: "/usr/bin/containerd",
      runc: "/usr/sbin/runc",
      "containernetworking-plugins": "/usr/lib/cni/bridge",
      iptables: "/usr/sbin/iptables",
      conntrack: "/usr/sbin/conntrack",
      iproute2: "/usr/sbin/ip",
      "busybox-static": "/bin/busybox",
      buildah: "/usr/bin/buildah",
    };
    const missing = Object.entries(needed).filter(([, file]) => !existsSync(file));
    if (missing.length > 0) aptInstall(...missing.map(([name]) => name));
    if (process.getuid?.() !== 0) throw new MissingToolError("nodes with real pods need root");
    return {};
  },

  kubernetes: provideKubernetes,
  "kubectl-helm": provideKubectlHelm,
} satisfies Record<string, Provider>;

export type Part = keyof typeof parts;
