import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { serviceAccountAccess } from "./service-account.ts";

const environment = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "account-"));
  const files = { token: "first\n", "ca.crt": "PEM", namespace: "home" };
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
});
afterEach(() => rm(directory, { recursive: true }));

it("finds the API server from within a pod, and follows its token", async () => {
  const clock = new VirtualClock(0);
  const access = await serviceAccountAccess(clock, { directory, environment });
  expect(access?.server.href).toBe("https://[fd00::1]/");
  expect(access?.namespace).toBe("home");
  const token = async () => (await access?.credentials.current())?.headers["authorization"];
  expect(await token()).toBe("Bearer first");
  expect((await access?.credentials.current())?.tls.ca).toBe("PEM");
  await writeFile(join(directory, "token"), "second");
  expect(await token()).toBe("Bearer first");
  await clock.advance(10_001);
  expect(await token()).toBe("Bearer second");
  // While the kubelet replaces the files, what was valid goes on.
  await rm(join(directory, "token"));
  await clock.advance(10_001);
  expect(await token()).toBe("Bearer second");
  await writeFile(join(directory, "token"), "third");
  access?.credentials.invalidate();
  expect(await token()).toBe("Bearer third");
});

it("is nothing outside of a pod", async () => {
  const clock = new VirtualClock(0);
  expect(await serviceAccountAccess(clock, { directory, environment: {} })).toBeUndefined();
  expect(
    await serviceAccountAccess(clock, { directory: join(directory, "none"), environment }),
  ).toBeUndefined();
});
