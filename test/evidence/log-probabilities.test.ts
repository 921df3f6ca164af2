import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createStoppingRule } from "../../src/evidence/stopping.ts";
import { summarize } from "../../src/evidence/summary.ts";
import { record, scalar } from "./support/replicates.ts";

type Row = readonly [data: unknown, logprobs?: Readonly<Record<string, number>> | undefined];

function summaryOf(rows: readonly Row[], options = {}) {
  return summarize(
    rows.map(([data, logprobs], index) => ({ id: `r${index + 1}`, data, logprobs })),
    options,
  );
}

describe("a tie", () => {
  test("goes to the answer with the highest sum of mean token probabilities", () => {
    const rows: Row[] = [
      ["a", { "": -0.7 }],
      ["b", { "": -0.1 }],
      ["a", { "": -0.7 }],
      ["b", { "": -3 }],
    ];
    expect(summaryOf(rows).consensus).toBe("a");
    expect(summaryOf(rows.with(3, ["b", { "": -2 }])).consensus).toBe("b");
  });

  test("stays a tie, and is no more confident than one without log-probabilities", () => {
    const rows: Row[] = [
      ["a", { "": -2 }],
      ["b", { "": -0.001 }],
    ];
    const { fields, confidence } = summaryOf(rows);
    const without = summaryOf(rows.map(([data]) => [data]));
    expect(fields[""]).toMatchObject({ value: "b", tied: true, support: 1 });
    expect([confidence, fields[""]?.confidence]).toEqual([without.confidence, without.fields[""]?.confidence]);
  });

  test("goes to the answer that reached the count first, where one vote has no log-probability", () => {
    expect(summaryOf([["a"], ["b", { "": -0.1 }]]).consensus).toBe("a");
    expect(
      summaryOf([
        ["a", { "/other": -1 }],
        ["b", { "": -0.1 }],
      ]).consensus,
    ).toBe("a");
  });

  test("between a value and none goes by order: what is absent has no tokens", () => {
    const rows: Row[] = [
      [{ a: 1 }, { "/a": -0.1 }],
      [
        { a: 1, b: 2 },
        { "/a": -0.1, "/b": -0.1 },
      ],
    ];
    expect(summaryOf(rows).consensus).toEqual({ a: 1 });
  });

  test("of long texts goes to the one closest to all: the mean of many words says little", () => {
    const text = (end: string) => `The report of the committee says, in a sentence that goes on for long, that ${end}`;
    const rows: Row[] = [
      [text("the dam broke at night"), { "": -3 }],
      [text("the dam broke by night"), { "": -3 }],
      [text("nothing at all can be said of its finances"), { "": -0.1 }],
    ];
    expect(summaryOf(rows).consensus).not.toContain("finances");
  });

  test("in an item of a list goes by the tokens of that item, wherever each answer has it", () => {
    const rows: Row[] = [
      [
        [
          { id: 1, size: "small" },
          { id: 2, size: "big" },
        ],
        { "/0/id": 0, "/0/size": -3, "/1/id": 0, "/1/size": -0.1 },
      ],
      [
        [
          { id: 2, size: "big" },
          { id: 1, size: "large" },
        ],
        { "/0/id": 0, "/0/size": -0.1, "/1/id": 0, "/1/size": -0.2 },
      ],
    ];
    const consensus = summaryOf(rows).consensus as { id: number; size: string }[];
    expect(consensus.find(({ id }) => id === 1)).toEqual({ id: 1, size: "large" });
  });

  test("goes by keys that JSON pointers escape", () => {
    const rows: Row[] = [
      [{ "a/b~c": "x" }, { "/a~1b~0c": -2 }],
      [{ "a/b~c": "y" }, { "/a~1b~0c": -1 }],
    ];
    expect(summaryOf(rows).consensus).toEqual({ "a/b~c": "y" });
  });
});

describe("the lossless rule", () => {
  test("gives the answer of all, also where log-probabilities break ties", () => {
    const logprob = fc.double({ min: -5, max: 0, noNaN: true });
    const row = fc.oneof(
      fc.tuple(
        scalar,
        logprob.map((value) => ({ "": value })),
      ),
      fc.tuple(
        record,
        fc.record({ "/severity": logprob, "/count": logprob, "/place/city": logprob, "/place/zip": logprob }),
      ),
    );
    const compare = { lists: "position", text: "exact" } as const;
    fc.assert(
      fc.property(fc.array(row, { minLength: 2, maxLength: 6 }), (rows: Row[]) => {
        const rule = createStoppingRule({ k: rows.length, rule: "lossless", compare });
        const stop = rows.findIndex(([data]) => rule.observe(data, { hasLogprobs: true }).stop);
        const seen = stop < 0 ? rows : rows.slice(0, stop + 1);
        expect(summaryOf(seen, compare).consensus).toEqual(summaryOf(rows, compare).consensus);
      }),
      { numRuns: 500 },
    );
  });

  test("waits where the answers left could make a tie that log-probabilities break", () => {
    const stops = (hasLogprobs: boolean) => {
      const rule = createStoppingRule({ k: 4, rule: "lossless" });
      return ["a", "a"].map((data) => rule.observe(data, { hasLogprobs }).stop).at(-1);
    };
    expect([stops(false), stops(true)]).toEqual([true, false]);
  });
});
