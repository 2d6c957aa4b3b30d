import { describe, expect, test } from "@jest/globals";
import { images } from "../../scripts/images/image-list.ts";
import { cacheDir } from "../../scripts/testbed/provision.ts";
import { ImageArchive } from "../support/image-archive.ts";
import { projectImages } from "../support/keyed-images.ts";

/** What nobody needs who runs the programs, and everybody who breaks in. */
const unwanted = [
  ...["sh", "bash", "dash", "ash", "busybox", "env", "su", "sudo"],
  ...[
    "apt",
    "apt-get",
    "dpkg",
    "apk",
    "yum",
    "rpm",
    "npm",
    "npx",
    "corepack",
    "yarn",
    "pip",
    "python3",
    "perl",
  ],
  ...["gcc", "g++", "cc", "c++", "ld", "make", "go", "rustc", "curl", "wget", "nc", "openssl"],
];
const version = "0.1.0";
const library = "usr/local/lib/spice";

describe.each(images)("the image $repository", (image) => {
  const archive = new ImageArchive(projectImages(cacheDir)[image.workspace]);
  const files = archive.files();
  const paths = new Set(files.map(({ path }) => path));

  test("starts its program as an ordinary user and stops by SIGTERM", () => {
    const { User, Entrypoint, Cmd, StopSignal, ExposedPorts, Env } = archive.config;
    expect({ User, StopSignal, Entrypoint }).toEqual({
      User: "65532:65532",
      StopSignal: "SIGTERM",
      Entrypoint: [`/usr/local/bin/${image.programs[0]}`],
    });
    expect(Cmd ?? []).toEqual(image.workspace === "operator" ? ["run"] : []);
    expect(Object.keys(ExposedPorts ?? {}).sort()).toEqual(
      image.workspace === "operator"
        ? ["8090/tcp", "8443/tcp", "9090/tcp"]
        : ["50051/tcp", "50052/tcp", "8090/tcp", "9090/tcp"],
    );
    expect(Env).toEqual(expect.arrayContaining(["NODE_ENV=production", "PATH=/usr/local/bin"]));
    expect((Env ?? []).filter((each) => /password|secret|token/i.test(each))).toEqual([]);
  });

  test("says what it is", () => {
    expect(archive.names).toEqual([`ghcr.io/spiceai/${image.repository}:${version}`]);
    expect(archive.config.Labels).toMatchObject({
      "org.opencontainers.image.title": image.repository,
      "org.opencontainers.image.description": expect.stringMatching(/\w/),
      "org.opencontainers.image.licenses": "Apache-2.0",
      "org.opencontainers.image.version": version,
      "org.opencontainers.image.revision": expect.stringMatching(/^[0-9a-f]{40}$/),
    });
  });

  test("has its programs, and neither shell nor package manager nor compiler", () => {
    expect([...paths].filter((path) => /^(usr\/local\/)?s?bin\/./.test(path)).sort()).toEqual(
      ["node", ...image.programs].map((name) => `usr/local/bin/${name}`).sort(),
    );
    const runnable = files.filter(
      ({ mode, path }) => mode.startsWith("-") && !path.includes("/node_modules/"),
    );
    const names = runnable.map(({ path }) => path.split("/").at(-1) ?? "");
    expect(names.filter((name) => unwanted.includes(name))).toEqual([]);
    expect(
      [...paths].filter((path) => /node_modules\/(npm|corepack|typescript|node-gyp)\//.test(path)),
    ).toEqual([]);
  });

  test("belongs to root but for what volumes cover, and nothing runs with more rights", () => {
    const writable = files.filter(({ owner }) => owner !== "0/0" && owner !== "root/root");
    expect(new Set(writable.map(({ path }) => path.split("/")[0]))).toEqual(
      new Set(image.workspace === "operator" ? ["tmp"] : ["app", "data", "tmp"]),
    );
    expect(files.filter(({ mode }) => /^.{3}[sS]|^.{6}[sS]/.test(mode))).toEqual([]);
    expect(files.filter(({ mode }) => !mode.startsWith("l") && mode[8] === "w")).toEqual([]);
  });

  test("names every package that it has in its bill of materials", () => {
    const sbom = JSON.parse(archive.read(`${library}/sbom.cdx.json`)) as {
      bomFormat: string;
      specVersion: string;
      metadata: { component: object };
      components: { name: string; version: string; licenses?: object[] }[];
    };
    expect(sbom).toMatchObject({
      ...{ bomFormat: "CycloneDX", specVersion: "1.5" },
      metadata: { component: { type: "container", name: image.repository, version } },
    });
    const named = new Set(sbom.components.map(({ name }) => name));
    const installed = [...paths].flatMap((path) => {
      const [, name] = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(path) ?? [];
      return name === undefined || name.startsWith("@spice-shards/") ? [] : [name];
    });
    expect(installed.length).toBeGreaterThan(10);
    expect([...new Set(installed)].filter((name) => !named.has(name))).toEqual([]);
    const others = ["node", ...image.extensions.map((name) => `duckdb-${name}`)];
    expect(others.filter((name) => !named.has(name))).toEqual([]);
    expect(sbom.components.filter(({ licenses }) => licenses === undefined).map(({ name }) => name)).toEqual(
      [],
    );
  });

  test("weighs no more than it may beyond Node", () => {
    const beyond = files.filter(({ path }) => path.startsWith(library));
    const bytes = beyond.reduce((sum, file) => sum + file.bytes, 0);
    expect(bytes / 1e6).toBeLessThan(image.aimMegabytes);
  });
});
