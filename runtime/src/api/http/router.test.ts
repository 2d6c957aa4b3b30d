import { describe, expect, test } from "@jest/globals";
import { Router } from "./router.ts";

const router = new Router<string>([
  { method: "GET", path: "/v1/datasets", handler: "list" },
  { method: "GET", path: "/v1/datasets/{name}/partitions", handler: "partitions" },
  { method: "PATCH", path: "/v1/datasets/{name}/acceleration", handler: "patch" },
]);

describe("Router", () => {
  test("finds routes and decodes their parameters", () => {
    expect(router.match("GET", "/v1/datasets/").route.handler).toBe("list");
    expect(router.match("HEAD", "/v1/datasets").route.handler).toBe("list");
    expect(router.match("GET", "/v1/datasets/my%20%2Fset/partitions")).toMatchObject({
      params: { name: "my /set" },
      route: { handler: "partitions" },
    });
  });

  test("tells a wrong method from an unknown path", () => {
    expect(() => router.match("POST", "/v1/datasets")).toThrow(
      expect.objectContaining({ status: 405, headers: { Allow: "GET" } }),
    );
    for (const path of [
      "/",
      "/v1/datasets//partitions",
      "/v1/datasets/%E0%A4%A/partitions",
      "/v1/Datasets",
    ]) {
      expect(() => router.match("GET", path)).toThrow(
        expect.objectContaining({
          status: 404,
          message: expect.stringContaining("PATCH /v1/datasets/{name}"),
        }),
      );
    }
  });
});
