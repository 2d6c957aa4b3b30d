import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Json } from "../../src/ports/database.ts";
import { compareAnswers, isOrdered } from "./compare.ts";
import type { Answer, OrderKey } from "./query.ts";
import { checkLimited, checkWitness, satisfies } from "./validity.ts";

const answer = (types: readonly string[], rows: readonly (readonly Json[])[]): Answer => ({
  columns: types.map((type, i) => ({ name: `c${i}`, type })),
  rows,
});
const up = (column: number): OrderKey => ({ column, descending: false, nullsFirst: false });
const kind = (a: Answer, b: Answer, order: readonly OrderKey[] = []) => compareAnswers(a, b, order)?.kind;

describe("compareAnswers", () => {
  test.each<[string, string, Json, Json]>([
    ["a bigint as text or number", "BIGINT", "42", 42],
    ["a decimal with and without trailing zeros", "DECIMAL(9,2)", "1.50", 1.5],
    ["a negative zero decimal", "DECIMAL(9,2)", "-0.00", 0],
    ["a timestamp in both spellings", "TIMESTAMP", "2024-02-29 01:02:03.500", "2024-02-29T01:02:03.5Z"],
    ["NaN", "DOUBLE", "NaN", "nan"],
    ["infinity", "DOUBLE", "Infinity", "inf"],
    ["zeros of both signs", "DOUBLE", -0, 0],
    ["floats within the tolerance", "DOUBLE", 1, 1 + 5e-10],
    ["what cancellation leaves of a zero", "DOUBLE", 0, 3e-17],
    [
      "floats in a struct in a list",
      "STRUCT(a DOUBLE, b VARCHAR)[]",
      [{ a: 1, b: "x" }],
      [{ a: 1 + 1e-12, b: "x" }],
    ],
    ["a map", "MAP(VARCHAR, BIGINT)", [{ key: "x", value: "1" }], [{ key: "x", value: 1 }]],
  ])("takes %s as the same", (_, type, a, b) => {
    expect(compareAnswers(answer([type], [[a]]), answer([type], [[b]]))).toBeUndefined();
  });

  test.each<[string, string, Json, Json]>([
    ["integers beyond 2^53", "BIGINT", "9007199254740993", "9007199254740992"],
    ["NULL and zero", "INTEGER", null, 0],
    ["NULL and the word", "VARCHAR", null, "NULL"],
    ["NULL and NaN", "DOUBLE", null, "NaN"],
    ["floats beyond the tolerance", "DOUBLE", 1, 1 + 3e-9],
    ["NaN and infinity", "DOUBLE", "NaN", "Infinity"],
    ["both infinities", "DOUBLE", "Infinity", "-Infinity"],
    ["decimals by their last digit", "DECIMAL(38,2)", "123456789012345678.01", "123456789012345678.02"],
    ["lists in another order", "INTEGER[]", [1, 2], [2, 1]],
    ["an empty list and one NULL", "INTEGER[]", [], [null]],
    ["times by a microsecond", "TIMESTAMP", "2024-01-01 00:00:00.000001", "2024-01-01 00:00:00"],
  ])("tells %s apart", (_, type, a, b) => {
    expect(kind(answer([type], [[a]]), answer([type], [[b]]))).toBe("rows");
  });

  test("counts rows, not only kinds of rows", () => {
    const [a, b] = [
      [[1], [1], [2]],
      [[1], [2], [2]],
    ].map((rows) => answer(["INTEGER"], rows));
    expect(kind(a!, b!)).toBe("rows");
    expect(kind(a!, answer(["INTEGER"], [[1], [2]]))).toBe("row count");
  });

  test("lets only ties change places where the statement orders", () => {
    const types = ["INTEGER", "VARCHAR"];
    const a = answer(types, [
      [1, "a"],
      [1, "b"],
      [2, "c"],
    ]);
    expect(
      kind(
        a,
        answer(types, [
          [1, "b"],
          [1, "a"],
          [2, "c"],
        ]),
        [up(0)],
      ),
    ).toBeUndefined();
    expect(
      kind(
        a,
        answer(types, [
          [1, "a"],
          [2, "c"],
          [1, "b"],
        ]),
        [up(0)],
      ),
    ).toBe("order");
    expect(
      kind(
        a,
        answer(types, [
          [1, "a"],
          [2, "c"],
          [1, "b"],
        ]),
      ),
    ).toBeUndefined();
    expect(
      kind(
        a,
        answer(types, [
          [1, "a"],
          [1, "a"],
          [2, "c"],
        ]),
        [up(0)],
      ),
    ).toBe("rows");
  });

  test("looks at names and types", () => {
    const a = answer(["INTEGER"], [[1]]);
    expect(kind(a, answer(["BIGINT"], [[1]]))).toBe("columns");
    expect(compareAnswers(a, answer(["BIGINT"], [[1]]), [], { ignoreTypes: true })).toBeUndefined();
  });

  test("says what is missing and what is too much", () => {
    const difference = compareAnswers(
      answer(
        ["INTEGER", "VARCHAR"],
        [
          [1, "a"],
          [2, "b"],
        ],
      ),
      answer(
        ["INTEGER", "VARCHAR"],
        [
          [1, "a"],
          [2, "x"],
        ],
      ),
    );
    expect(difference?.message).toBe(
      "1 of 2 expected rows are missing\n    (2, 'b')\n  1 of 2 rows are not expected\n    (2, 'x')",
    );
  });

  test("pairs near floats whatever the order, and notices any one that is off", () => {
    const noisy = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 2 }), fc.double({ noNaN: true, min: -1e6, max: 1e6 })),
      {
        minLength: 1,
        maxLength: 30,
      },
    );
    fc.assert(
      fc.property(noisy, fc.nat(), (rows, pick) => {
        const a = answer(["INTEGER", "DOUBLE"], rows);
        const shaken = rows.map(([k, v], i) => [k, v * (1 + (i % 2 === 0 ? 4e-10 : -4e-10))]).reverse();
        expect(compareAnswers(a, answer(["INTEGER", "DOUBLE"], shaken))).toBeUndefined();
        const off = rows.map(([k, v], i) => [k, i === pick % rows.length ? v + 1e7 : v]);
        expect(kind(a, answer(["INTEGER", "DOUBLE"], off))).toBe("rows");
      }),
      { numRuns: 100 },
    );
  });
});

test("isOrdered knows directions, NULL and NaN", () => {
  const rows = answer(["DOUBLE"], [[1], [2], ["NaN"], [null]]);
  expect(isOrdered(rows, [up(0)])).toBe(true);
  expect(isOrdered(rows, [{ ...up(0), nullsFirst: true }])).toBe(false);
  expect(isOrdered(rows, [{ ...up(0), descending: true }])).toBe(false);
  const texts = answer(["VARCHAR"], [["\u{ffff}"], ["\u{1f600}"]]);
  expect(isOrdered(texts, [up(0)])).toBe(true);
});

describe("validity", () => {
  const types = ["INTEGER", "VARCHAR"];
  const full = answer(types, [
    [1, "a"],
    [2, "b"],
    [2, "c"],
    [2, "d"],
    [3, "e"],
  ]);
  const truth = answer(types, [
    [1, "a"],
    [2, "b"],
  ]);
  const check = (rows: Json[][]) => checkLimited(truth, full, answer(types, rows), [up(0)])?.kind;

  test("lets a LIMIT cut a tie anywhere, and nothing else", () => {
    expect(
      check([
        [1, "a"],
        [2, "d"],
      ]),
    ).toBeUndefined();
    expect(
      check([
        [1, "a"],
        [3, "e"],
      ]),
    ).toBe("order");
    expect(
      check([
        [1, "a"],
        [2, "x"],
      ]),
    ).toBe("rows");
    expect(check([[1, "a"]])).toBe("row count");
    const none = checkLimited(
      truth,
      full,
      answer(types, [
        [3, "e"],
        [3, "e"],
      ]),
      [],
    )?.kind;
    expect(none).toBe("rows");
  });

  test("satisfies each rule and fails each", () => {
    const [int, list] = [{ kind: "integer" }, { kind: "list", item: { kind: "integer" } }] as const;
    expect(satisfies("one-of", int, [1, 2], 2)).toBe(true);
    expect(satisfies("one-of", int, [1, 2], 3)).toBe(false);
    expect(satisfies("one-of", int, [1], null)).toBe(false);
    expect(satisfies("one-of", int, null, null)).toBe(true);
    expect(satisfies("same-items", list, [1, 2, 2], [2, 1, 2])).toBe(true);
    expect(satisfies("same-items", list, [1, 2, 2], [2, 1, 1])).toBe(false);
    expect(satisfies("same-items", list, null, [])).toBe(false);
    expect(satisfies("within", int, [1, 5], 5)).toBe(true);
    expect(satisfies("within", int, [1, 5], 6)).toBe(false);
    expect(satisfies("within", int, null, 1)).toBe(false);
  });

  test("pairs the rows of a witness by their firm columns", () => {
    const witness = {
      columns: [
        { name: "k", type: "INTEGER" },
        { name: "v", type: "VARCHAR[]" },
      ],
      rows: [
        [1, ["a", "b"]],
        [2, ["c"]],
      ],
    };
    const run = (rows: Json[][]) =>
      checkWitness(truth, witness, answer(types, rows), [{ column: 1, rule: "one-of" }], [])?.kind;
    expect(
      run([
        [2, "c"],
        [1, "b"],
      ]),
    ).toBeUndefined();
    expect(
      run([
        [2, "b"],
        [1, "b"],
      ]),
    ).toBe("rows");
    expect(
      run([
        [2, "c"],
        [2, "c"],
      ]),
    ).toBe("rows");
  });
});
