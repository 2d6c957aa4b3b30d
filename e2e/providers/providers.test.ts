import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { chooseProvider } from "./choose.ts";
import { existing } from "./existing.ts";
import { kindProvider } from "./kind.ts";

let dir: string;
const before = { ...process.env };
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "providers-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
  for (const name of ["KUBECONFIG", "LOAD_IMAGE"]) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
});

describe("the choice", () => {
  test("is by name, and another name is told which there are", () => {
    for (const name of ["local", "kind", "existing"]) expect(chooseProvider(name).name).toBe(name);
    const message = "There is no PROVIDER=nonsense: there are local, kind, existing";
    expect(() => chooseProvider("nonsense")).toThrow(message);
    expect(() => chooseProvider("toString")).toThrow(RangeError);
  });

  test("ends a command line with one sentence and 2", () => {
    const program = ["--conditions=source", join(import.meta.dirname, "choose.ts")];
    const env = { ...process.env, PROVIDER: "nonsense" };
    const { status, stderr } = spawnSync(process.execPath, program, { encoding: "utf8", env });
    expect(stderr.trim()).toBe("There is no PROVIDER=nonsense: there are local, kind, existing");
    expect(status).toBe(2);
  });
});

describe("kind", () => {
  /** Plays kind, and records its command lines. */
  function playing(clusters: string) {
    const lines: string[] = [];
    const run = async (...words: readonly string[]) => {
      lines.push(words.join(" ").replaceAll(dir, "~"));
      return words.includes("clusters") ? clusters : "";
    };
    return { lines, provider: kindProvider(run, dir) };
  }

  test("makes a cluster, gives it images and deletes it", async () => {
    const { lines, provider } = playing("other\n");
    const cluster = await provider.up("story", { nodes: 2, endsWithCaller: true });
    await cluster.loadImage("/images/spiced.tar");
    await provider.down("story");
    expect(lines).toEqual([
      "kind get clusters",
      "kind create cluster --name spice-story --kubeconfig ~/story.kubeconfig --config ~/story.json --wait 180s",
      "kind export kubeconfig --name spice-story --kubeconfig ~/story.kubeconfig",
      "kind load image-archive /images/spiced.tar --name spice-story",
      "kind delete cluster --name spice-story --kubeconfig ~/story.kubeconfig",
    ]);
    expect(cluster.kubeconfig).toBe(join(dir, "story.kubeconfig"));
    expect(JSON.parse(readFileSync(join(dir, "story.json"), "utf8"))).toEqual({
      kind: "Cluster",
      apiVersion: "kind.x-k8s.io/v1alpha4",
      nodes: [{ role: "control-plane" }, { role: "worker" }, { role: "worker" }],
    });
  });

  test("answers the one that is there", async () => {
    const { lines, provider } = playing("spice-story\nother\n");
    await provider.up("story", { nodes: 2, endsWithCaller: true });
    expect(lines).toEqual([
      "kind get clusters",
      "kind export kubeconfig --name spice-story --kubeconfig ~/story.kubeconfig",
    ]);
  });
});

describe("existing", () => {
  test("is the cluster of KUBECONFIG, if there is such a file", async () => {
    const file = join(dir, "kubeconfig");
    process.env["KUBECONFIG"] = file;
    await expect(existing.find("")).rejects.toThrow(`KUBECONFIG=${file}: there is no such file`);
    writeFileSync(file, "");
    expect((await existing.up("any", { nodes: 2, endsWithCaller: true })).kubeconfig).toBe(file);
  });

  test("gives images by LOAD_IMAGE, none when nodes have them, and asks for it otherwise", async () => {
    const file = join(dir, "kubeconfig");
    writeFileSync(file, "");
    process.env["KUBECONFIG"] = file;
    const cluster = await existing.find("");
    delete process.env["LOAD_IMAGE"];
    await expect(cluster.loadImage("a.tar")).rejects.toThrow(
      'set LOAD_IMAGE to the command that loads an image archive, e.g. LOAD_IMAGE="minikube image load", or to none',
    );
    process.env["LOAD_IMAGE"] = " none ";
    await cluster.loadImage("a.tar");
    writeFileSync(
      join(dir, "load.mjs"),
      `import { writeFileSync } from "node:fs";
      writeFileSync(process.argv[2], process.argv.slice(3).join(" "));`,
    );
    process.env["LOAD_IMAGE"] = `${process.execPath} ${join(dir, "load.mjs")} ${join(dir, "loaded")}`;
    await cluster.loadImage("/images/a.tar");
    expect(readFileSync(join(dir, "loaded"), "utf8")).toBe("/images/a.tar");
    process.env["LOAD_IMAGE"] = "false";
    await expect(cluster.loadImage("a.tar")).rejects.toThrow("false a.tar failed");
  });
});
