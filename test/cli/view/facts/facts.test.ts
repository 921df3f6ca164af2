import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { confidenceTrace } from "../../../../src/cli/view/confidence.ts";
import { distanceMap } from "../../../../src/cli/view/distance-map.ts";
import { fixedKCost } from "../../../../src/cli/view/expense.ts";
import { deviations, fieldVotes } from "../../../../src/cli/view/facts.ts";
import type { EvidenceBundle } from "../../../../src/contract/bundle.ts";
import { summarize } from "../../../../src/evidence/summary.ts";
import { asRead, bundleOf } from "../../../support/bundle-of.ts";

const answer = fc.option(
  fc.record({ severity: fc.constantFrom("low", "high"), parts: fc.array(fc.nat(2), { maxLength: 2 }) }),
  { nil: undefined, freq: 5 },
);
const answers = fc.array(answer, { minLength: 1, maxLength: 12 });
const bundle = answers.map((given) => asRead(bundleOf(given)));

describe("votes by field", () => {
  test("every valid answer votes once in every field, most for the first value", () => {
    fc.assert(
      fc.property(bundle, ({ summary }) => {
        for (const { votes } of fieldVotes(summary)) {
          const supports = votes.map(({ support }) => support);
          expect(supports.reduce((sum, support) => sum + support, 0)).toBe(summary.validCount);
          expect(supports[0]).toBe(Math.max(...supports));
        }
      }),
    );
  });

  test("contested fields stand first, with the votes of each replicate; fields on which all agree name none", () => {
    const { summary } = asRead(
      bundleOf([
        { a: 1, b: 1 },
        { a: 1, b: 2 },
        { a: 1, b: 1 },
      ]),
    );
    expect(fieldVotes(summary).map(({ path }) => path)).toEqual(["/b", "/a"]);
    const [contested, agreed] = fieldVotes(summary);
    expect(contested?.votes.map(({ replicateIds }) => replicateIds)).toEqual([["r1", "r3"], ["r2"]]);
    expect(agreed?.votes).toEqual([{ value: 1, support: 3 }]);
  });

  test("a field that some answers lack has a vote without a value", () => {
    const { summary } = asRead(bundleOf([{ a: 1 }, { a: 1, b: 2 }]));
    const absent = fieldVotes(summary)[0]?.votes.filter((vote) => !("value" in vote));
    expect(absent).toHaveLength(1);
  });
});

describe("the confidence after each answer", () => {
  test("is that of a bundle of the answers up to then, from the second valid one on", () => {
    fc.assert(
      fc.property(bundle, (given) => {
        const { points, isExact } = confidenceTrace(given, 100);
        expect(isExact).toBe(true);
        const recomputed = given.replicates.map((_, index) => {
          const { confidence, validCount } = summarize(given.replicates.slice(0, index + 1) as never);
          return { count: index + 1, confidence: validCount > 1 ? confidence : undefined };
        });
        expect(points.map(({ count, confidence }) => ({ count, confidence }))).toEqual(recomputed);
      }),
    );
  });

  test("of texts is compared as texts", () => {
    const given = ["The Eiffel Tower", "eiffel tower", "Big Ben", "the Eiffel tower!"];
    const { points, isExact } = confidenceTrace(asRead(bundleOf(given, { compare: { text: true } })), 100);
    expect(isExact).toBe(true);
    expect(points[1]!.confidence).toBeGreaterThan(points[2]!.confidence as number);
  });

  test("of answers compared in ways that the bundle does not tell comes from the votes, and says so", () => {
    const compare = { byPath: { "/price": { tolerance: 0.1 } }, weights: { "/price": 3 } };
    const given = [100, 101, 250, 99, 102].map((price) => ({ price, currency: "EUR" }));
    const tolerant = asRead(bundleOf(given, { compare }));
    const { points, isExact } = confidenceTrace(tolerant, 100);
    expect(isExact).toBe(false);
    expect(points[2]!.confidence).toBeLessThan(points[1]!.confidence as number);
    expect(points.at(-1)?.confidence).toBe(tolerant.summary.confidence);
  });

  test("of more answers than can be shown is taken at equal steps, up to the last", () => {
    const { points } = confidenceTrace(asRead(bundleOf(Array.from({ length: 1000 }, (_, index) => index % 3))), 40);
    expect(points).toHaveLength(40);
    expect(points.map(({ count }) => count % 25)).toEqual(points.map(() => 0));
    expect(points.at(-1)?.count).toBe(1000);
  });
});

describe("a bundle of one answer", () => {
  test("shows no confidence of its fields, nor after its answer, unless labels have one", () => {
    const one = asRead(bundleOf([{ severity: "low", area: "db" }]));
    const labelled = asRead(one);
    labelled.summary.confidenceBasis = { kind: "labels", bundles: 1, labels: 12, calibrated: true };
    expect([fieldVotes(one.summary)[0]?.confidence, confidenceTrace(one, 10).points[0]?.confidence]).toEqual([
      undefined,
      undefined,
    ]);
    expect(fieldVotes(labelled.summary)[0]?.confidence).toBeGreaterThan(0.5);
    expect(confidenceTrace(labelled, 10).points[0]?.confidence).toBe(labelled.summary.confidence);
  });
});

describe("the distance map", () => {
  test("has every answer once, equal distances in both directions, and none from an answer to itself", () => {
    fc.assert(
      fc.property(bundle, (given) => {
        const { entries, cells } = distanceMap(given, 100);
        expect(entries.flatMap(({ ids }) => ids).toSorted()).toEqual(given.replicates.map(({ id }) => id).toSorted());
        for (const [row, distances] of cells.entries()) {
          expect(distances[row]).toBe(entries[row]?.isValid ? 0 : null);
          for (const [column, distance] of distances.entries()) expect(distance).toBe(cells[column]?.[row]);
        }
      }),
    );
  });

  test("puts those that voted alike next to each other, and those that do not vote last", () => {
    const { entries } = distanceMap(asRead(bundleOf(["a", "b", undefined, "a", "b", "a"])), 100);
    expect(entries.map(({ ids }) => ids[0])).toEqual(["r1", "r4", "r6", "r2", "r5", "r3"]);
  });

  test("of more answers than can be shown has means of neighbours, whole groups first", () => {
    const given = asRead(bundleOf(Array.from({ length: 1000 }, (_, index) => (index % 2 ? "b" : "a"))));
    const { entries, cells, perEntry } = distanceMap(given, 30);
    expect(perEntry).toBe(34);
    expect(entries.flatMap(({ ids }) => ids)).toHaveLength(1000);
    expect(cells[0]?.[1]).toBe(0);
    expect(cells[0]?.at(-1)).toBe(1);
  });
});

describe("cost against a fixed K", () => {
  test("of a bundle that asked all K is what it took", () => {
    const given = bundleOf(["a", "b", "a"], { tokens: 10, costUsd: 0.25 });
    expect(fixedKCost(given)).toEqual({
      actual: { answers: 3, tokens: 30, costUsd: 0.75 },
      fixed: { answers: 3, tokens: 30, costUsd: 0.75 },
      saved: { answers: 0, costUsd: 0 },
    });
  });

  test("of one that stopped early is K times its mean answer; what is not known stays unknown", () => {
    expect(fixedKCost(bundleOf(["a", "a"], { k: 10, tokens: 7, costUsd: 0.5 }))?.fixed).toEqual({
      answers: 10,
      tokens: 70,
      costUsd: 5,
    });
    expect(fixedKCost(bundleOf(["a"], { k: 2 }))?.fixed).toEqual({ answers: 2, tokens: undefined, costUsd: null });
    expect(fixedKCost(bundleOf([], { k: 2 }))).toBeUndefined();
  });

  test("counts answers that were there already at their price, in both lines", () => {
    const paid = bundleOf(["a", "a"], { k: 4, tokens: 10, costUsd: 0.25 });
    const reuse = { cachedInputTokens: 0, replicateIds: ["r2"], savedUsd: 0.25 };
    const reusing = bundleOf(["a", "a"], { k: 4, tokens: 10 });
    const replicates = reusing.replicates.map((one, at) => ({ ...one, costUsd: at === 0 ? 0.25 : 0 }));
    const given = { ...reusing, replicates, costTotalUsd: 0.25, meta: { ...reusing.meta, reuse } };
    expect(fixedKCost(given)).toEqual(fixedKCost(paid));
  });
});

describe("what a stopping rule saved", () => {
  test.each([
    ["horizon after 2 of 10: a 2", { answers: 8, costUsd: 4 }],
    ["target after 2 of 10", { answers: 8, costUsd: 4 }],
    ["budget", { answers: 0, costUsd: 0 }],
    ["time", { answers: 0, costUsd: 0 }],
    ["calls after 2 of 10: The caller cancelled", { answers: 0, costUsd: 0 }],
  ])("of a bundle that ended by %j", (earlyStopReason, saved) => {
    expect(fixedKCost(bundleOf(["a", "a"], { k: 10, costUsd: 0.5, earlyStopReason }))?.saved).toEqual(saved);
  });
});

describe("a bundle that asked a stronger model", () => {
  /** Three answers of the first model, two of the next; the summary is of the latter. */
  function escalated(): EvidenceBundle {
    const escalations = [{ from: "small", replicateIds: ["r1", "r2", "r3"], confidence: 0.4 }];
    const all = bundleOf(["a", "b", "c", "a", "a"], { k: 8, tokens: 10, escalations });
    return asRead({ ...all, summary: summarize(all.replicates.slice(3) as never) });
  }

  test("shows the confidence and the distances of the model that counts, and what both took", () => {
    expect(confidenceTrace(escalated(), 100).points.map(({ replicate }) => replicate.id)).toEqual(["r4", "r5"]);
    expect(distanceMap(escalated(), 100).entries).toHaveLength(2);
    expect(fixedKCost(escalated())).toMatchObject({ actual: { answers: 5, tokens: 50 }, fixed: { tokens: 80 } });
  });
});

test("an answer's deviations are the fields in which it is not with the winner; a text has none to name", () => {
  const objects = asRead(
    bundleOf([
      { a: 1, b: 1 },
      { a: 1, b: 2 },
      { a: 1, b: 1 },
    ]),
  );
  const deviationsOf = deviations(objects.summary);
  expect(objects.replicates.map((replicate) => deviationsOf(replicate)?.map(({ path }) => path))).toEqual([
    [],
    ["/b"],
    [],
  ]);
  const texts = asRead(bundleOf(["x", "y"]));
  expect(deviations(texts.summary)(texts.replicates[0]!)).toBeUndefined();
});
