import { MissingToolError, run } from "./build.ts";

/** Installs Debian packages as root, with a line that says which. @throws MissingToolError when it may not. */
export function aptInstall(...names: readonly string[]): void {
  if (process.env["NO_SYSTEM_PACKAGES"] === "1")
    throw new MissingToolError(`NO_SYSTEM_PACKAGES=1 and ${names.join(", ")} is missing`);
  if (process.getuid?.() !== 0) throw new MissingToolError(`install the Debian package ${names.join(" ")}`);
  console.log(`test bed: apt-get install ${names.join(" ")}`);
  run("apt-get", ["update", "-qq"]);
  run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...names], {
    env: { DEBIAN_FRONTEND: "noninteractive" },
  });
}
