import { expect, test } from "@jest/globals";
import { DocumentHistory } from "./document-history.ts";

interface Owned {
  readonly owner?: string;
  readonly epoch: number;
  readonly learners?: readonly string[];
}

function text(
  revision: number,
  partition: Owned,
  instances: Record<string, string> = { a: "1", b: "1" },
): string {
  return JSON.stringify({
    cluster_id: "c",
    revision,
    schedulers: {},
    executors: Object.fromEntries(
      Object.entries(instances).map(([id, instance_id]) => [id, { instance_id, state: "active" }]),
    ),
    accelerations: {
      t: {
        partitions: [
          {
            partition_value: { k: "0" },
            assigned_executors: partition.owner === undefined ? [] : [partition.owner],
            learners: partition.learners ?? [],
            epoch: partition.epoch,
          },
        ],
      },
    },
  });
}

function broken(...texts: string[]): string[] {
  const found: string[] = [];
  const history = new DocumentHistory((why) => found.push(why));
  for (const each of texts) history.written(each);
  return found;
}

test("a move and a loss are no violation, also when replies overtake each other", () => {
  const texts = [
    text(1, { owner: "a", epoch: 1 }),
    text(2, { owner: "a", epoch: 1, learners: ["b"] }),
    text(3, { owner: "b", epoch: 2 }),
    text(4, { epoch: 3, learners: ["a"] }, { a: "1" }),
  ];
  expect(broken(...texts)).toEqual([]);
  expect(broken(texts[0]!, texts[2]!, texts[1]!, texts[3]!)).toEqual([]);
});

test.each([
  [
    "a revision that two writers got",
    [text(1, { owner: "a", epoch: 1 }), text(1, { owner: "b", epoch: 1 })],
    /written twice/,
  ],
  ["text that is cut", [text(1, { epoch: 1 }), '{"revision": 2, "exec'], /does not parse/],
  [
    "an epoch that falls",
    [text(1, { owner: "a", epoch: 2 }), text(2, { owner: "a", epoch: 1 })],
    /epoch 1 after 2/,
  ],
  [
    "another owner at the same epoch",
    [text(1, { owner: "a", epoch: 1 }), text(2, { owner: "b", epoch: 1 })],
    /another owner/,
  ],
  [
    "another process of the owner at the same epoch",
    [text(1, { owner: "a", epoch: 1 }), text(2, { owner: "a", epoch: 1 }, { a: "2", b: "1" })],
    /belonged to a 1, now to a 2/,
  ],
  ["an owner that is no member", [text(1, { owner: "a", epoch: 1 }, { b: "1" })], /a is no member/],
])("sees %s", (_, texts, why) => {
  expect(broken(...texts).join("\n")).toMatch(why);
});

test("goes on over revisions that nobody saw, and hears what nodes claim", () => {
  const found: string[] = [];
  const history = new DocumentHistory((why) => found.push(why));
  history.written(text(1, { owner: "a", epoch: 1 }));
  history.written(text(4, { owner: "b", epoch: 2 }));
  history.skip();
  expect(history.last?.revision).toBe(4);
  history.claimed("t", '{"k":"0"}', 2, "b", "s0");
  history.claimed("t", '{"k":"0"}', 3, "a", "s0");
  expect(found).toEqual([]);
  history.claimed("t", '{"k":"0"}', 2, "a", "s0");
  expect(found.join()).toMatch(/s0 says that a owns t/);
});
