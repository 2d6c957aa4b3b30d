import { expect, test } from "@jest/globals";
import { VirtualClock } from "@spice-shards/kube/testing";
import { Registry } from "prom-client";
import { operatorMetrics } from "../metrics.ts";
import { type HealthState, healthRoutes } from "./health.ts";
import { Progress } from "./progress.ts";

const minute = 60_000;

test("health tells a queue that hangs from one that is empty or moves", async () => {
  const clock = new VirtualClock();
  const progress = new Progress(clock);
  const metrics = progress.watch(operatorMetrics(new Registry()));
  const state: HealthState = { progress, webhookReady: true, controller: undefined, stopping: false };
  const health = () => healthRoutes(state)["/health"]?.();
  await clock.advance(60 * minute);
  expect(health()).toEqual({ code: 200, text: "ok\n" });
  metrics.queueDepth(3);
  await clock.advance(9 * minute);
  metrics.reconciled("error", 5);
  metrics.queueDepth(2);
  await clock.advance(9 * minute);
  expect(health()).toMatchObject({ code: 200 });
  await clock.advance(minute);
  expect(health()).toEqual({ code: 503, text: "work has waited for 600 s and nothing has ended\n" });
  progress.reset();
  expect(health()).toMatchObject({ code: 200 });
});

test("ready needs the webhook and a leader's caches", () => {
  const state: HealthState = {
    progress: new Progress(new VirtualClock()),
    webhookReady: false,
    controller: undefined,
    stopping: false,
  };
  const ready = () => healthRoutes(state)["/ready"]?.();
  expect(ready()).toEqual({ code: 503, text: "the webhook has no certificate yet\n" });
  state.webhookReady = true;
  expect(ready()).toEqual({ code: 200, text: "ok\n" });
  state.controller = { synced: false };
  expect(ready()).toEqual({ code: 503, text: "the caches are not complete yet\n" });
  state.controller = { synced: true };
  expect(ready()).toMatchObject({ code: 200 });
  state.stopping = true;
  expect(ready()).toEqual({ code: 503, text: "stopping\n" });
});
