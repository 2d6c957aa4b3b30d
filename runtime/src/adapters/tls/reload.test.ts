import { X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, test } from "@jest/globals";
import type { PemPair } from "@spice-shards/certificates";
import fc from "fast-check";
import { createAuthority, issueNode } from "../../cli/tls/authority.ts";
import { CertificateError } from "./certificate-error.ts";
import { fingerprints } from "./fingerprints.ts";
import { type CertificateDemands, checkCertificates } from "./load-certificates.ts";
import { advertisedHost, nodeIdentity } from "./node-identity.ts";
import { type FileReader, readFiles, TornReadError } from "./read-files.ts";
import { type Look, type ReloadState, reloadStep } from "./reload-state.ts";

const day = 86_400_000;
const now = Date.parse("2030-06-01T00:00:00Z");
const files = { caCertificateFile: "ca.crt", certificateFile: "tls.crt", keyFile: "tls.key" };

let [root, otherRoot]: PemPair[] = [];
let [executor, scheduler, plain, foreign]: PemPair[] = [];
const issue = (ca: PemPair, name: string, roleName?: string, hosts: string[] = []) =>
  issueNode(ca, { name, hosts, ...(roleName === undefined ? {} : { roleName }) }, now);
beforeAll(async () => {
  [root, otherRoot] = [await createAuthority(now), await createAuthority(now)];
  executor = await issue(root, "e0", "executor.sales.prod");
  scheduler = await issue(root, "s0", "scheduler.sales.prod");
  plain = await issue(root, "p0", undefined, ["scheduler.example.com"]);
  foreign = await issue(otherRoot, "f0", "executor.sales.prod");
});

const set = (pair: PemPair, trust: string, key = pair.key, certificate = pair.certificate) => ({
  ca: Buffer.from(trust),
  certificate: Buffer.from(certificate),
  key: Buffer.from(key),
});
const check = (contents: ReturnType<typeof set>, demands: Partial<CertificateDemands> = {}) =>
  checkCertificates(files, contents, { nowMs: now, ...demands });
const identity = (pair: PemPair) => nodeIdentity(new X509Certificate(pair.certificate));

describe("a set of certificates", () => {
  test("is taken whole, with every root of its bundle", () => {
    const bundle = otherRoot!.certificate + root!.certificate;
    const taken = check(set(executor!, bundle), { role: "executor", inForce: identity(executor!) });
    expect(taken.identity.roles).toEqual([{ role: "executor", cluster: "sales", namespace: "prod" }]);
    const hex = (pem: string) => new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();
    expect(fingerprints(taken)).toEqual({
      leafSha256: hex(executor!.certificate),
      leafNotAfter: now + 365 * day,
      trustSha256: [hex(otherRoot!.certificate), hex(root!.certificate)],
    });
    expect(fingerprints(taken).leafSha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test("that is cut off anywhere is not taken", () => {
    const bundle = root!.certificate + otherRoot!.certificate;
    const whole: Record<"ca" | "certificate" | "key", string> = {
      ca: bundle,
      certificate: executor!.certificate,
      key: executor!.key,
    };
    const cut = fc.record({
      file: fc.constantFrom("ca", "certificate", "key"),
      share: fc.double({ min: 0, max: 0.99, noNaN: true }),
    });
    fc.assert(
      fc.property(cut, ({ file, share }) => {
        const name = file as "ca" | "certificate" | "key";
        const text = whole[name].slice(0, Math.floor(whole[name].trimEnd().length * share));
        // A bundle that ends between two of its certificates is another, complete bundle.
        fc.pre(name !== "ca" || text.trimEnd() !== root!.certificate.trimEnd());
        const damaged = { ...whole };
        damaged[name] = text;
        const { ca, certificate, key } = damaged;
        expect(() => check(set(executor!, ca, key, certificate))).toThrow(CertificateError);
      }),
      { numRuns: 200 },
    );
  });

  test.each<[string, () => unknown, RegExp]>([
    [
      "the key of another leaf",
      () => check(set(executor!, root!.certificate, scheduler!.key)),
      /^tls.key is not the key of/,
    ],
    ["no key", () => check(set(executor!, root!.certificate, "")), /^tls.key holds no private key/],
    ["a foreign CA", () => check(set(foreign!, root!.certificate)), /is not signed by a CA in ca.crt$/],
    [
      "expired",
      () => check(set(executor!, root!.certificate), { nowMs: now + 366 * day }),
      /expired at 2031-06-01T00:00:00.000Z$/,
    ],
    [
      "from the future",
      () => check(set(executor!, root!.certificate), { nowMs: now - day }),
      /is not valid before/,
    ],
    [
      "another role than the process",
      () => check(set(scheduler!, root!.certificate), { role: "executor" }),
      /is for scheduler.sales.prod, and this node runs as executor/,
    ],
    [
      "another role than before",
      () => check(set(scheduler!, root!.certificate), { inForce: identity(executor!) }),
      /is for scheduler.sales.prod, and the one in force is for executor.sales.prod$/,
    ],
    [
      "its role lost",
      () => check(set(plain!, root!.certificate), { inForce: identity(executor!) }),
      /carries no role SAN, and the one in force is for executor/,
    ],
  ])("with %s is refused with its reason", (_, attempt, reason) => {
    expect(attempt).toThrow(reason);
  });
});

test("a host that looks like a role is none in a plain certificate of `spice cluster tls add`", () => {
  expect(identity(plain!).roles).toEqual([]);
  expect(advertisedHost(identity(plain!))).toBe("scheduler.example.com");
});

describe("reading files that belong together", () => {
  /** A volume whose content is another one from the given operation on. */
  class Volume implements FileReader {
    #operations = 0;
    readonly #swapAt: number;
    readonly #inPlace: boolean;
    constructor(swapAt: number, inPlace: boolean) {
      this.#swapAt = swapAt;
      this.#inPlace = inPlace;
    }
    async realpath(path: string): Promise<string> {
      return this.#next() && !this.#inPlace ? `/new/${path}` : `/old/${path}`;
    }
    async readFile(path: string): Promise<Buffer> {
      const swapped = this.#next();
      const version = this.#inPlace ? (swapped ? "new" : "old") : path.split("/")[1];
      return Buffer.from(`${version}`);
    }
    #next(): boolean {
      this.#operations += 1;
      return this.#operations > this.#swapAt;
    }
  }

  test("gives old or new, never a mixture, whenever they change", async () => {
    for (const inPlace of [false, true]) {
      for (let swapAt = 0; swapAt <= 13; swapAt++) {
        const read = readFiles(["ca", "crt", "key"], new Volume(swapAt, inPlace)).then(
          (contents) => new Set(contents.map(String)).size,
          (error: unknown) => error,
        );
        const result = await read;
        if (result !== 1) expect(result).toBeInstanceOf(TornReadError);
      }
    }
  });
});

describe("the rule of a reload", () => {
  const same = (a: string, b: string) => a === b;
  const usable = (value: string): Look<string> => ({ kind: "usable", value });
  const unusable = (cause: string): Look<string> => ({ kind: "unusable", cause });
  const run = (looks: Look<string>[]) => {
    let state: ReloadState<string> = { current: "one", problem: undefined };
    return looks.map((look) => {
      const step = reloadStep(state, look, same);
      state = step.state;
      const detail = step.kind === "kept" ? ` ${step.cause}` : "";
      return `${step.kind}${detail}: ${state.current}`;
    });
  };

  test("tells a problem once, again after a good read, and keeps the last good content", () => {
    expect(
      run([
        usable("one"),
        unusable("torn"),
        unusable("torn"),
        unusable("expired"),
        usable("one"),
        unusable("torn"),
        usable("two"),
      ]),
    ).toEqual([
      "unchanged: one",
      "kept torn: one",
      "unchanged: one",
      "kept expired: one",
      "unchanged: one",
      "kept torn: one",
      "swapped: two",
    ]);
  });

  test("what is in force is always the last content that could be used", () => {
    const looks = fc.array(
      fc.oneof(fc.constantFrom("one", "two").map(usable), fc.constantFrom("x", "y").map(unusable)),
    );
    fc.assert(
      fc.property(looks, (all) => {
        const last = all.findLast((look) => look.kind === "usable");
        const after = run(all).at(-1)?.split(": ")[1] ?? "one";
        expect(after).toBe(last?.kind === "usable" ? last.value : "one");
      }),
    );
  });
});
