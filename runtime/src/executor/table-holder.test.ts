import { expect, test } from "@jest/globals";
import { assignment, holderBed, key, settle } from "../../test/support/holder-bed.ts";

test("brings what it holds to what is assigned, and closes in the end", async () => {
  const { holder, table, reports, served, end } = holderBed();
  holder.hold(assignment(5, "a", "b"));
  await settle();
  expect(holder.counts).toEqual({ assigned: 2, loaded: 2 });
  expect(reports.map((r) => `${r.key} ${r.state} ${r.epoch}`)).toEqual([
    '["a"] loading 5',
    '["b"] loading 5',
    '["a"] loaded 5',
    '["b"] loaded 5',
  ]);
  reports.length = 0;
  holder.hold(assignment(6, "b", "c"));
  await settle();
  expect([...table.held.keys()]).toEqual(['["b"]', '["c"]']);
  // What stayed only has a new epoch: nothing is read again.
  expect(table.loads).toEqual([['["a"]', '["b"]'], ['["c"]']]);
  expect(reports[0]).toMatchObject({ key: '["b"]', state: "loaded", epoch: 6 });
  await end();
  expect([table.closed, served]).toEqual([1, [true, false]]);
});

test("tries again what could not be loaded, and tells why", async () => {
  const { holder, table, clock, reports, tables, end } = holderBed();
  table.failing.set('["a"]', new Error("the source is down"));
  holder.hold(assignment(5, "a", "b"));
  await settle();
  expect(reports.at(-1)).toMatchObject({ key: '["a"]', state: "failed", error: "the source is down" });
  expect(tables.at(-1)?.error).toBe("the source is down");
  table.failing.clear();
  await clock.advance(1_000);
  await settle();
  expect(table.loads.at(-1)).toEqual(['["a"]']);
  expect(reports.at(-1)).toMatchObject({ key: '["a"]', state: "loaded", version: 1 });
  expect(tables.at(-1)?.error).toBe("");
  await end();
});

test("a partition whose refresh failed serves on and carries the reason", async () => {
  const { holder, table, clock, reports, end } = holderBed();
  holder.hold(assignment(5, "a", "b"));
  await settle();
  const before = clock.wallMs();
  await clock.advance(60_000);
  table.failing.set('["a"]', new Error("bad row"));
  reports.length = 0;
  holder.request("r1", {});
  await settle();
  expect(reports).toMatchObject([
    { key: '["a"]', state: "loaded", version: 1, error: "bad row", lastRefreshMs: before },
    { key: '["b"]', state: "loaded", version: 2, lastRefreshMs: before + 60_000 },
  ]);
  // The same request again, from another scheduler, is the same refresh.
  holder.request("r1", {});
  await settle();
  expect(table.held.get('["b"]')?.version).toBe(2);
  holder.request("r2", {}, 500);
  await settle();
  expect(table.held.get('["b"]')?.version).toBe(2);
  await clock.advance(500);
  await settle();
  expect(table.held.get('["b"]')?.version).toBe(3);
  await end();
});

test("opens again after a pause, refuses commands until then, and ends while it waits", async () => {
  let attempts = 0;
  const { holder, clock, tables, table, end } = holderBed(async (fake) => {
    attempts += 1;
    if (attempts < 3) throw new Error("no such bucket");
    return fake;
  });
  await settle();
  expect(() => holder.request("r", {})).toThrow("no such bucket");
  expect(() => holder.setRefreshSql("SELECT 1")).toThrow("no such bucket");
  // An assignment does not cut the pause short.
  holder.hold(assignment(5, "a"));
  await settle();
  expect(attempts).toBe(1);
  await clock.advance(2_000);
  await settle();
  expect(attempts).toBe(3);
  holder.setRefreshSql(null);
  expect([table.refreshSql, tables.at(-1)?.error]).toEqual([null, ""]);
  await end();

  const never = holderBed(() => Promise.reject(new Error("down")));
  await settle();
  await never.end();
  expect([never.clock.sleeping, never.table.closed]).toEqual([0, 0]);
});

test("refreshes nothing without the lease", async () => {
  const { holder, table, tables, lease, end } = holderBed();
  holder.hold(assignment(5, "a"));
  await settle();
  lease.held = false;
  holder.request("r1", {});
  await settle();
  expect(table.held.get(key)?.version).toBe(1);
  expect(tables.at(-1)?.error).toMatch(/no scheduler confirms that this executor still owns/);
  lease.held = true;
  holder.request("r2", {});
  await settle();
  expect([table.held.get(key)?.version, tables.at(-1)?.error]).toEqual([2, ""]);
  await end();
});

test("frees what others own now only with the lease, and once it knows what it holds", async () => {
  const { holder, table, clock, lease, end } = holderBed();
  await clock.advance(60_000);
  expect(table.wanted).toEqual([]);
  lease.held = false;
  holder.hold(assignment(5, "a"));
  await clock.advance(5_000);
  expect(table.wanted).toEqual([]);
  lease.held = true;
  await clock.advance(5_000);
  expect(table.wanted).toEqual([[key]]);
  await end();
});
