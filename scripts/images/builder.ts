import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { aptInstall } from "../testbed/apt.ts";
import { MissingToolError, run } from "../testbed/build.ts";

export interface Build {
  readonly dockerfile: string;
  readonly context: string;
  /** `repository:tag`. */
  readonly name: string;
  readonly arguments: Readonly<Record<string, string>>;
}

/** A program that builds images from Dockerfiles. */
export interface Builder {
  readonly name: string;
  build(build: Build): void;
  /** Whether there is an image of this name already. */
  has(name: string): boolean;
  /** Write the image as an archive that `docker load` and `ctr images import` read. */
  save(name: string, file: string): void;
}

/** The first of docker, podman and buildah that works here; as root on Debian, buildah is installed. */
export function findBuilder(root: string): Builder {
  for (const name of ["docker", "podman"]) {
    // A client alone builds nothing.
    if (spawnSync(name, ["info"], { timeout: 20_000 }).status === 0) return likeDocker(name);
  }
  if (spawnSync("buildah", ["--version"]).status !== 0) aptInstall("buildah");
  if (process.getuid?.() !== 0)
    throw new MissingToolError("neither docker nor podman answers, and buildah needs root");
  return buildah(root);
}

function likeDocker(program: string): Builder {
  return {
    name: program,
    build: ({ dockerfile, context, name, arguments: values }) =>
      run(program, [
        "build",
        "--quiet",
        "--file",
        dockerfile,
        ...buildArguments(values),
        "--tag",
        name,
        context,
      ]),
    has: (name) => spawnSync(program, ["image", "inspect", name]).status === 0,
    save: (name, file) => run(program, ["save", "--output", file, name]),
  };
}

/** Without a daemon, and with storage in the clone's own `dist`, which no other clone's build disturbs. */
function buildah(root: string): Builder {
  const dir = join(root, "dist", "images");
  const storage = ["--root", join(dir, "storage"), "--runroot", join(dir, "storage-run")];
  const global = [...storage, "--storage-driver", "overlay"];
  return {
    name: "buildah",
    build: ({ dockerfile, context, name, arguments: values }) => {
      const how = ["--isolation", "chroot", "--pull=false", "--layers=false", "--quiet", "--tag", name];
      run("buildah", [...global, "bud", ...how, ...buildArguments(values), "--file", dockerfile, context]);
      const dangling = execFileSync("buildah", [...global, "images", "--filter", "dangling=true", "--quiet"]);
      const ids = dangling.toString().split("\n").filter(Boolean);
      if (ids.length > 0) spawnSync("buildah", [...global, "rmi", ...ids]);
    },
    has: (name) => spawnSync("buildah", [...global, "inspect", "--type=image", name]).status === 0,
    save: (name, file) =>
      run("buildah", [...global, "push", "--quiet", name, `docker-archive:${file}:${name}`]),
  };
}

function buildArguments(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
}
