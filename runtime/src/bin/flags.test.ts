import { describe, expect, test } from "@jest/globals";
import { helpText } from "./flag-table.ts";
import { checkRole, missingCertificates, parseFlags, resolveRole, type SpicedOptions } from "./flags.ts";

function run(line: string, env: Record<string, string> = {}): SpicedOptions {
  const outcome = parseFlags(line.split(" ").filter(Boolean), env);
  if (outcome.kind !== "run") throw new Error(JSON.stringify(outcome));
  return outcome.options;
}

function refusal(line: string): string {
  const outcome = parseFlags(line.split(" ").filter(Boolean), {});
  if (outcome.kind !== "usage-error") throw new Error(`accepted: ${JSON.stringify(outcome)}`);
  return outcome.message.split("\nRun `spiced --help`")[0]!;
}

describe("parseFlags", () => {
  test("has the defaults of the product", () => {
    expect(run("")).toEqual({
      role: undefined,
      http: { host: "127.0.0.1", port: 8090, given: false },
      flight: { host: "127.0.0.1", port: 50051, given: false },
      metrics: undefined,
      nodeBind: { host: "0.0.0.0", port: 50052, given: false },
      nodeAdvertise: undefined,
      schedulerAddress: undefined,
      nodeCertificates: undefined,
      tls: undefined,
      allowInsecure: false,
      dataDir: { path: ".spice/data", given: false },
      shutdownTimeoutMs: 30_000,
      spicepod: { path: "spicepod.yaml", given: false },
      verbosity: 0,
    });
  });

  test("takes a value after a space and after an equals sign", () => {
    expect(run("--http 0.0.0.0:80 --flight=[::1]:5 --metrics :9090 --shutdown-timeout=1m30s")).toMatchObject({
      http: { host: "0.0.0.0", port: 80, given: true },
      flight: { host: "::1", port: 5, given: true },
      metrics: { host: "0.0.0.0", port: 9090, given: true },
      shutdownTimeoutMs: 90_000,
    });
  });

  test("starts the documented development commands", () => {
    const scheduler = run("--role scheduler --allow-insecure-connections");
    expect(checkRole(resolveRole(scheduler, { hasScheduler: false }), scheduler)).toBeUndefined();
    const executor = run(
      "--role executor --scheduler-address http://localhost:50052 --allow-insecure-connections",
    );
    expect(checkRole("executor", executor)).toBeUndefined();
    expect(executor.schedulerAddress?.port).toBe("50052");
  });

  test("infers the role", () => {
    expect(run("--scheduler-address https://s:50052").role).toBe("executor");
    expect(resolveRole(run(""), { hasScheduler: true })).toBe("scheduler");
    expect(resolveRole(run(""), { hasScheduler: false })).toBe("single");
    expect(resolveRole(run("--role=executor --scheduler-address=https://s:1"), { hasScheduler: true })).toBe(
      "executor",
    );
  });

  test("refuses a role without certificates, and names the development alternative", () => {
    expect(missingCertificates.split("\n")[0]).toBe(
      "Cluster mTLS requires all of: --node-mtls-ca-certificate-file, --node-mtls-certificate-file, --node-mtls-key-file",
    );
    expect(missingCertificates).toContain("--allow-insecure-connections");
    expect(checkRole("scheduler", run("--role scheduler"))).toBe(missingCertificates);
    expect(checkRole("executor", run("--scheduler-address https://s:1"))).toBe(missingCertificates);
    expect(checkRole("single", run(""))).toBeUndefined();
    expect(checkRole("executor", run("--role executor --allow-insecure-connections"))).toMatch(
      /--scheduler-address/,
    );
    expect(refusal("--node-mtls-key-file k")).toBe(missingCertificates);
    expect(
      run("--node-mtls-key-file k --node-mtls-certificate-file c --node-mtls-ca-certificate-file a")
        .nodeCertificates,
    ).toEqual({ caCertificateFile: "a", certificateFile: "c", keyFile: "k" });
  });

  test.each([
    ["--htpp 1:1", "Unknown flag --htpp. Did you mean --http?"],
    [
      "--allow-insecure-connection",
      "Unknown flag --allow-insecure-connection. Did you mean --allow-insecure-connections?",
    ],
    ["--zzzzzz", "Unknown flag --zzzzzz"],
    ["serve", "Unexpected argument serve: spiced takes flags only"],
    ["--http", "--http needs a value: --http ADDR"],
    ["--http --flight 1:1", "--http needs a value: --http ADDR"],
    ["--http 1:1 --http 1:2", "--http is given twice"],
    ["--http 127.0.0.1", "--http needs HOST:PORT, not 127.0.0.1"],
    ["--http 127.0.0.1:70000", "--http needs HOST:PORT, not 127.0.0.1:70000"],
    ["--role worker", "--role is scheduler or executor, not worker"],
    [
      "--role scheduler --scheduler-address http://a:1",
      "--scheduler-address belongs to an executor, not to --role scheduler",
    ],
    [
      "--scheduler-address localhost:50052",
      "--scheduler-address needs a URL such as https://scheduler.example.com:50052, not localhost:50052",
    ],
    ["--shutdown-timeout soon", "--shutdown-timeout needs a duration such as 30s, not soon"],
    ["--tls-key-file k", "TLS on the public ports needs both --tls-certificate-file and --tls-key-file"],
    ["--allow-insecure-connections=no", "--allow-insecure-connections takes no value"],
  ])("%s → %s", (line, message) => {
    expect(refusal(line)).toBe(message);
  });

  test("takes the advertised address from the flag, then from the environment", () => {
    const env = { NODE_ADVERTISE_ADDRESS: "pod-0.svc" };
    expect(run("", env).nodeAdvertise).toEqual({ host: "pod-0.svc", port: undefined });
    expect(run("--node-advertise-address a:7", env).nodeAdvertise).toEqual({ host: "a", port: 7 });
    expect(run("", { NODE_ADVERTISE_ADDRESS: "" }).nodeAdvertise).toBeUndefined();
  });

  test("counts -v, and answers --help and --version", () => {
    expect(run("-v").verbosity).toBe(1);
    expect(run("-vv").verbosity).toBe(2);
    expect(run("--verbose -v").verbosity).toBe(2);
    expect(parseFlags(["--version"], {})).toEqual({ kind: "version" });
    expect(parseFlags(["-h"], {})).toEqual({ kind: "help", text: helpText() });
    expect(helpText()).toContain("--node-mtls-ca-certificate-file FILE");
  });
});
