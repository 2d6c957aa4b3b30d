import { describe, expect, test } from "@jest/globals";
import { advertisedHost, type NodeIdentity, type NodeRole, refusePeer } from "./node-identity.ts";

function node(
  commonName: string,
  role?: NodeRole["role"],
  cluster = "sales",
  namespace = "prod",
): NodeIdentity {
  const dnsNames = role === undefined ? [] : [`${role}.${cluster}.${namespace}`, `${commonName}.svc`];
  return { commonName, dnsNames, roles: role === undefined ? [] : [{ role, cluster, namespace }] };
}

describe("refusePeer", () => {
  test("a node without a role takes every leaf of its CA", () => {
    expect(refusePeer(node("a"), node("b"), ["scheduler"])).toBeUndefined();
    expect(refusePeer(node("a"), node("b", "executor"), ["scheduler"])).toBeUndefined();
  });

  test("a node with a role wants the right role, cluster and namespace", () => {
    const own = node("executor-0", "executor");
    expect(refusePeer(own, node("s", "scheduler"), ["scheduler"])).toBeUndefined();
    expect(refusePeer(own, node("s", "executor"), ["scheduler", "executor"])).toBeUndefined();
    expect(refusePeer(own, node("s"), ["scheduler"])).toBe(
      "the certificate of s carries no role SAN; scheduler.sales.prod is needed here",
    );
    expect(refusePeer(own, node("s", "operator"), ["scheduler", "executor"])).toBe(
      "the certificate of s is for operator.sales.prod; scheduler.sales.prod or executor.sales.prod is needed here",
    );
    expect(refusePeer(own, node("s", "scheduler", "other"), ["scheduler"])).toMatch(
      /is for scheduler\.other\.prod/,
    );
    expect(refusePeer(own, node("s", "scheduler", "sales", "dev"), ["scheduler"])).toMatch(
      /scheduler\.sales\.dev/,
    );
  });
});

test("the advertised host is the first DNS name that is an address, else the common name", () => {
  expect(advertisedHost(node("executor-0", "executor"))).toBe("executor-0.svc");
  expect(advertisedHost(node("scheduler.example.com"))).toBe("scheduler.example.com");
  expect(advertisedHost({ commonName: undefined, dnsNames: [], roles: [] })).toBeUndefined();
});
