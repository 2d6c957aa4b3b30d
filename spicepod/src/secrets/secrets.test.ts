import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseSpicepod } from "../parse.ts";
import { examples } from "../testing/examples.ts";
import { everything, problemsOf, thisVersion } from "../testing/problems.ts";
import { hidden, Redactor, redactValues } from "./redact.ts";
import { findReferences, secretReferences } from "./reference.ts";
import { ResolvedParameters, resolveParameters, resolveText, SecretError } from "./resolve.ts";
import { fileSecretStore, openSecretStores } from "./stores.ts";

const password = 'p4ss\'w/rd "x"';
const files: Readonly<Record<string, string>> = { "/run/s/PG_PASS": `${password}\n`, "/run/s/ONLY": "file" };
const stores = openSecretStores(
  [
    { from: "env", name: "env" },
    { from: "file:/run/s/", name: "mounted" },
  ],
  { env: { PG_PASS: "from-env", TOKEN: "tok" }, readFile: async (path) => files[path] },
);
const reference = (store: string, name: string) => `\${${store}:${name}}`;

describe("references", () => {
  test("are found with the fields that hold them", () => {
    const { spicepod } = parseSpicepod(examples.everyField);
    const found = spicepod === undefined ? [] : secretReferences(spicepod);
    expect(found.map(({ path, store, name }) => `${path} ${store}:${name}`)).toEqual([
      "runtime.auth.api_key.keys[0] secrets:API_KEY",
      "runtime.auth.api_key.keys[1] secrets:ADMIN",
      "snapshots.params.s3_key secrets:KEY",
      "snapshots.params.s3_secret secrets:SECRET",
      "datasets[0].params.pg_pass secrets:PG_PASS",
    ]);
  });

  test("may have spaces, and stand in the middle of a text", () => {
    const text = `a${reference("env", "X")}b\${ mounted : y-z.1 }`;
    expect(findReferences(text).map(({ store, name }) => [store, name])).toEqual([
      ["env", "X"],
      ["mounted", "y-z.1"],
    ]);
  });

  test.each([
    [reference("valut", "X"), "is not listed under `secrets`"],
    [`\${X}`, `Did you mean \`${reference("secrets", "X")}\`?`],
  ])("%s is a mistake", (value, message) => {
    const text = `datasets: [{from: 'postgres:t', name: t, params: {pg_pass: '${value}'}}]`;
    const problems = problemsOf(text, everything);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain("datasets[0].params.pg_pass");
    expect(problems[0]).toContain(message);
  });

  test("are refused where they are not resolved", () => {
    const text = `runtime: {scheduler: {state_location: 's3://${reference("secrets", "B")}/x'}}`;
    expect(problemsOf(text, everything).join()).toContain(
      "only `params` and `runtime.auth.api_key.keys` are resolved",
    );
  });
});

describe("resolving", () => {
  const resolve = (text: string) => resolveText(text, "datasets[0].params.pg_pass", { stores });

  test("asks one store, or all of them with the last first", async () => {
    expect(await resolve(reference("env", "PG_PASS"))).toBe("from-env");
    expect(await resolve(reference("mounted", "PG_PASS"))).toBe(password);
    expect(await resolve(reference("secrets", "PG_PASS"))).toBe(password);
    expect(await resolve(`x${reference("secrets", "TOKEN")}y:rw`)).toBe("xtoky:rw");
    expect(await resolve("plain $1 ${")).toBe("plain $1 ${");
  });

  test("a missing secret is an error that names the field", async () => {
    const missing = resolve(reference("env", "ONLY"));
    await expect(missing).rejects.toThrow(
      new SecretError(
        "datasets[0].params.pg_pass",
        "the secret `ONLY` was not found in the secret store `env`.",
      ),
    );
    await expect(resolve(reference("secrets", "NO"))).rejects.toThrow(
      "datasets[0].params.pg_pass: the secret `NO`",
    );
  });

  test("a store that fails is an error that keeps its cause", async () => {
    const cause = new Error("disk");
    const failing = { get: () => Promise.reject(cause) };
    await expect(resolveText(reference("a", "B"), "x.y", { stores: failing })).rejects.toMatchObject({
      name: "SecretError",
      path: "x.y",
      cause,
    });
  });

  test("a file store never leaves its directory", async () => {
    const asked: string[] = [];
    const store = fileSecretStore("/run/s", async (path) => {
      asked.push(path);
      return "x";
    });
    for (const name of ["..", ".", "a/b", "../x", ""]) expect(await store.get(name)).toBeUndefined();
    expect(asked).toEqual([]);
    expect(await store.get("a.b")).toBe("x");
    expect(asked).toEqual(["/run/s/a.b"]);
  });

  test("environment variables of the language itself are none", async () => {
    await expect(resolve(reference("env", "constructor"))).rejects.toThrow(SecretError);
  });
});

describe("values stay out of what is printed", () => {
  test("resolved parameters show names only", async () => {
    const redactor = new Redactor();
    const params = { pg_user: "spice", pg_pass: reference("mounted", "PG_PASS") };
    const resolved = await resolveParameters(params, "datasets[0].params", {
      stores,
      onResolved: (value) => redactor.add(value),
    });
    expect(resolved.get("pg_pass")).toBe(password);
    expect(resolved.reveal()).toEqual({ pg_user: "spice", pg_pass: password });
    for (const shown of [
      JSON.stringify({ resolved }),
      inspect({ resolved }, { depth: 9, showHidden: true }),
      `${resolved}`,
    ]) {
      expect(shown).toContain(hidden);
      expect(shown).not.toContain("p4ss");
    }
    const said = `cannot connect with ${password} or ${encodeURIComponent(password)} or ${JSON.stringify(password)}`;
    expect(redactor.redact(said)).toBe(`cannot connect with ${hidden} or ${hidden} or "${hidden}"`);
    expect(JSON.stringify(redactor) + inspect(redactor, { showHidden: true })).not.toContain("p4ss");
  });

  test("no value shows, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4 }), (value) => {
        const secret = `<${value}>`;
        const redactor = new Redactor();
        redactor.add(secret);
        const resolved = new ResolvedParameters([["pg_pass", secret]]);
        expect(`${JSON.stringify(resolved)}${inspect(resolved)}`).not.toContain(secret);
        expect(redactor.redact(`a ${secret} b`)).toBe(`a ${hidden} b`);
      }),
    );
  });

  test("a spicepod that holds a password in plain text can be shown without it", () => {
    const text = `datasets: [{from: 'postgres:t', name: t, params: {pg_user: u, pg_pass: hunter2, s3_secret: '${reference("env", "S")}'}}]`;
    const { spicepod } = parseSpicepod(text);
    const shown = redactValues(spicepod);
    expect(shown?.datasets[0]?.params).toEqual({
      pg_user: "u",
      pg_pass: hidden,
      s3_secret: reference("env", "S"),
    });
    expect(JSON.stringify(shown)).not.toContain("hunter2");
  });

  test.each(["mysql", "postgres", "nothing"])("nor the credentials of a URL (%s)", (scheme) => {
    const text = `datasets: [{from: '${scheme}://me:hun/t@er2@host/x', name: t, acceleration: {partition_by: [a]}}]`;
    const problems = problemsOf(text, thisVersion);
    expect(problems).toHaveLength(1);
    expect(problems[0]).not.toContain("er2");
  });

  test("problems never repeat what may be secret", () => {
    const text = `
runtime: {auth: {api_key: {keys: [{hunter2: hunter2}, 'hunter2']}}}
password: hunter2
datasets:
  - from: s3://hunter2:hunter2@bucket/x
    name: t
    params: {pg_pas: hunter2, pg_pass: [hunter2], s3_secret: hunter2}
`;
    const problems = problemsOf(text, everything);
    expect(problems.length).toBeGreaterThan(2);
    expect(problems.join("\n")).not.toContain("hunter2");
  });
});
