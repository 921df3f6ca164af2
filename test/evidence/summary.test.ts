import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BundleSummary } from "../../src/contract/bundle.ts";
import { pairwiseDistance } from "../../src/evidence/distance.ts";
import { summarize } from "../../src/evidence/summary.ts";
import { answers, record, replicatesOf, scalar } from "./support/replicates.ts";

const written = (value: unknown) => inspect(value, { depth: null, sorted: true });

/** A value in one form and order: of forms, or orders of a list, that are as common, the first answer's is shown. */
function plainForm(value: unknown): unknown {
  if (typeof value === "number") return value + 0;
  if (typeof value === "string") return value.normalize().trim();
  if (Array.isArray(value)) return value.map(plainForm).sort((a, b) => (written(a) < written(b) ? -1 : 1));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plainForm(member)]));
}

/** What a summary says, apart from which of tied values, or which order among them, it shows. */
function essence(summary: BundleSummary) {
  const fields = Object.entries(summary.fields).map(([pointer, field]) => {
    // Of a list or an object beside other values, one form is shown; it may be one of several that are as common.
    const shown = (value: unknown) =>
      typeof value === "object" ? Object.keys(value ?? {}).length > 0 : plainForm(value);
    const votes = field.distribution.map(({ value, support }) => `${JSON.stringify(shown(value))} ${support}`).sort();
    const { tied, support, confidence, stability } = field;
    return [
      pointer,
      { votes, tied, support, confidence, stability, ...(tied ? {} : { value: shown(field.value) }) },
    ] as const;
  });
  const { weakest, stability, validCount, invalidCount } = summary;
  const contested = summary.disagreements.map(({ path, tied }) => ({ path, tied }));
  const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1);
  return {
    fields: Object.fromEntries(fields),
    contested: contested.sort(byPath),
    numbers: { weakest, stability, validCount, invalidCount },
  };
}

describe("summarize", () => {
  test("gives the plurality of each field, put together", () => {
    const summary = summarize(
      replicatesOf([
        { severity: "low", place: { city: "Rome" } },
        { severity: "low", place: { city: "Oslo" } },
        { severity: "high", place: { city: "Oslo" } },
      ]),
    );
    expect(summary.consensus).toEqual({ severity: "low", place: { city: "Oslo" } });
    expect(summary.fields["/severity"]).toMatchObject({ value: "low", support: 2, tied: false });
    expect(summary.fields["/severity"]?.distribution).toEqual([
      { value: "low", support: 2 },
      { value: "high", support: 1 },
    ]);
  });

  test("lists every field with more than one value, most contested first, with who said what", () => {
    const rows = [
      { a: 1, b: 1, c: 1, same: 0 },
      { a: 1, b: 1, c: 2, same: 0 },
      { a: 1, b: 2, c: 3, same: 0 },
      { a: 2, b: 2, c: 4, same: 0 },
    ];
    const { disagreements } = summarize(replicatesOf(rows));
    expect(disagreements.map(({ path, tied }) => [path, tied])).toEqual([
      ["/c", true],
      ["/b", true],
      ["/a", false],
    ]);
    expect(disagreements[2]?.values).toEqual([
      { value: 1, support: 3, replicateIds: ["r1", "r2", "r3"] },
      { value: 2, support: 1, replicateIds: ["r4"] },
    ]);
  });

  test("gives of tied values the one that reached the count first", () => {
    const winner = (rows: unknown[]) => summarize(replicatesOf(rows)).consensus;
    expect(winner(["a", "b", "b", "a"])).toBe("b");
    expect(winner(["b", "a", "a", "b"])).toBe("a");
    expect(winner([{ x: 1 }, {}])).toEqual({ x: 1 });
    expect(winner([{ y: 0 }, { x: 1, y: 0 }])).toEqual({ y: 0 });
  });

  test("takes an absent field for a value of its own, which can win", () => {
    const summary = summarize(replicatesOf([{ a: 1, b: 1 }, { a: 1 }, { a: 1 }]));
    expect(summary.consensus).toEqual({ a: 1 });
    expect(summary.fields["/b"]).not.toHaveProperty("value");
    expect(summary.disagreements[0]?.values).toEqual([
      { support: 2, replicateIds: ["r2", "r3"] },
      { value: 1, support: 1, replicateIds: ["r1"] },
    ]);
    expect(summarize(replicatesOf([{ a: null }, {}, { a: null }])).consensus).toEqual({ a: null });
  });

  test("votes on a list or an object as a whole where the answers agree on nothing in it", () => {
    const ofLists = summarize(replicatesOf([{ t: ["a"] }, { t: ["b"] }, { t: ["c"] }]));
    expect(ofLists.consensus).toEqual({ t: ["a"] });
    expect(ofLists.fields).toEqual({ "/t": expect.objectContaining({ value: ["a"], support: 1, tied: true }) });
    const ofObjects = summarize(replicatesOf([{ a: 1 }, { b: 1 }, { c: 1 }]));
    expect(ofObjects.consensus).toEqual({ a: 1 });
    expect(ofObjects.disagreements[0]?.values.map(({ value }) => value)).toEqual([{ a: 1 }, { b: 1 }, { c: 1 }]);
    const firstEmpty = summarize(replicatesOf([{ t: [] }, { t: ["a"] }, { t: [] }, { t: ["b"] }, { t: ["c"] }]));
    expect(firstEmpty.consensus).toEqual({ t: [] });
    expect(firstEmpty.fields["/t"]).toMatchObject({ value: [], support: 2 });
  });

  test("takes an empty list or object for a value, beside those with something in them", () => {
    const summary = summarize(replicatesOf([{ t: [] }, { t: ["a"] }, { t: ["a"] }]));
    expect(summary.consensus).toEqual({ t: ["a"] });
    expect(summary.fields["/t"]).toMatchObject({ value: ["a"], support: 2 });
    expect(summary.fields["/t"]?.distribution).toEqual([
      { value: ["a"], support: 2 },
      { value: [], support: 1 },
    ]);
    expect(summarize(replicatesOf([{}, {}, { t: [1] }])).consensus).toEqual({});
    expect(summarize(replicatesOf([{ t: [] }, { t: [] }, { t: [1] }])).fields["/t"]).toMatchObject({ value: [] });
  });

  test("takes 1 and 1.0, or two forms of one character, for one value, and '1' for another", () => {
    expect(summarize(replicatesOf([JSON.parse("1"), JSON.parse("1.0"), "1"])).fields[""]?.support).toBe(2);
    expect(summarize(replicatesOf(["caf\u00e9", " cafe\u0301 "])).consensus).toBe("caf\u00e9");
  });

  test("lets invalid replicates neither vote nor agree, and counts them", () => {
    fc.assert(
      fc.property(answers, fc.infiniteStream(fc.boolean()), (values, isValid) => {
        const replicates = replicatesOf(values).map((replicate) => ({
          ...replicate,
          quality: { valid: isValid.next().value as boolean },
        }));
        const valid = replicates.filter(({ quality }) => quality.valid);
        const [all, only] = [summarize(replicates), summarize(valid)];
        expect(all.consensus).toEqual(only.consensus);
        expect(all.fields).toEqual(only.fields);
        expect(all.disagreements).toEqual(only.disagreements);
        expect([all.validCount, all.invalidCount]).toEqual([valid.length, replicates.length - valid.length]);
        all.pairwiseDistance?.forEach((row, index) => {
          row.forEach((distance, other) => {
            const bothValid = replicates[index]?.quality.valid && replicates[other]?.quality.valid;
            expect(distance === null).toBe(!bothValid);
          });
        });
      }),
    );
  });

  test("has no consensus, and no confidence in it, without a valid replicate", () => {
    for (const none of [[], [{ id: "r1", data: "x", quality: { valid: false } }]]) {
      const summary = summarize(none);
      expect(summary).toMatchObject({ consensus: null, confidence: 0, weakest: 0, stability: 0, fields: {} });
    }
  });

  test("does not depend on the order of the replicates, but for ties", () => {
    const shuffled = answers.chain((values) =>
      fc.tuple(fc.constant(values), fc.shuffledSubarray(values, { minLength: values.length })),
    );
    fc.assert(
      fc.property(shuffled, ([values, others]) => {
        const [summary, other] = [summarize(replicatesOf(values)), summarize(replicatesOf(others))];
        // A tie decides which items are in a list, and so under which pointers they stand.
        if ([summary, other].some(({ fields }) => Object.values(fields).some(({ tied }) => tied))) return;
        expect(essence(other)).toEqual(essence(summary));
        expect(other.confidence).toBeCloseTo(summary.confidence, 12);
        expect(plainForm(other.consensus)).toEqual(plainForm(summary.consensus));
      }),
      { numRuns: 1000 },
    );
  });

  test("gives tied fields of objects without lists the same numbers in any order of the replicates", () => {
    const flat = fc.record({ a: scalar, b: scalar, place: fc.record({ city: scalar }) });
    const shuffled = fc
      .array(flat, { minLength: 1, maxLength: 8 })
      .chain((values) => fc.tuple(fc.constant(values), fc.shuffledSubarray(values, { minLength: values.length })));
    fc.assert(
      fc.property(shuffled, ([values, others]) => {
        const [summary, other] = [summarize(replicatesOf(values)), summarize(replicatesOf(others))];
        expect(essence(other)).toEqual(essence(summary));
        expect(other.confidence).toBeCloseTo(summary.confidence, 12);
      }),
    );
  });

  test("says the same whatever the answers are called", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(4), { minLength: 1, maxLength: 9 }),
        fc.shuffledSubarray(["v", "w", "x", "y", "z"], { minLength: 5 }),
        (numbers, names) => {
          const plain = summarize(replicatesOf(numbers));
          const renamed = summarize(replicatesOf(numbers.map((number) => names[number])));
          expect(renamed.consensus).toBe(names[plain.consensus as number]);
          expect(renamed.confidence).toBe(plain.confidence);
          expect(renamed.stability).toBe(plain.stability);
          expect(renamed.pairwiseDistance).toEqual(plain.pairwiseDistance);
        },
      ),
    );
  });

  test("is the surer the more replicates vote for the winner", () => {
    fc.assert(
      fc.property(fc.array(scalar, { minLength: 1, maxLength: 12 }), (values) => {
        const before = summarize(replicatesOf(values));
        const after = summarize(replicatesOf([...values, before.consensus]));
        expect(after.confidence).toBeGreaterThan(before.confidence);
        expect(after.stability).toBeGreaterThanOrEqual(before.stability);
      }),
    );
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 8 }), fc.nat(7), (values, index) => {
        const agreed = values.map((value, at) => (at === index % values.length ? (values[0] as object) : value));
        const votes = (rows: readonly unknown[]) => summarize(replicatesOf(rows)).fields["/severity"];
        const [before, after] = [votes(values), votes(agreed)];
        if ((after?.support ?? 0) > (before?.support ?? 0)) {
          expect(after?.confidence).toBeGreaterThanOrEqual(before?.confidence as number);
        }
      }),
    );
  });

  test("gives probabilities as its numbers, never NaN, and counts that add up", () => {
    fc.assert(
      fc.property(answers, (values) => {
        const summary = summarize(replicatesOf(values));
        const fields = Object.values(summary.fields);
        const probabilities = fields.flatMap(({ confidence, stability }) => [confidence, stability]);
        for (const number of [summary.confidence, summary.weakest, summary.stability, ...probabilities]) {
          expect(number).toBeGreaterThanOrEqual(0);
          expect(number).toBeLessThanOrEqual(1);
        }
        for (const { distribution, support } of fields) {
          expect(distribution.reduce((sum, entry) => sum + entry.support, 0)).toBe(values.length);
          expect(Math.max(...distribution.map((entry) => entry.support))).toBe(support);
        }
        for (const { values: said } of summary.disagreements) {
          expect(said.flatMap(({ replicateIds }) => replicateIds).sort()).toEqual(
            replicatesOf(values)
              .map(({ id }) => id)
              .sort(),
          );
          for (const { support, replicateIds } of said) expect(replicateIds).toHaveLength(support);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("weighs fields in its confidence as the caller says, and names the weakest", () => {
    const rows = [
      { sure: 1, unsure: 1 },
      { sure: 1, unsure: 2 },
    ];
    const weigh = (weights: Record<string, number>) => summarize(replicatesOf(rows), { weights });
    const { fields, weakest, confidence } = weigh({});
    const [sure, unsure] = [fields["/sure"]?.confidence as number, fields["/unsure"]?.confidence as number];
    expect(confidence).toBeCloseTo((sure + unsure) / 2, 12);
    expect(weakest).toBe(unsure);
    expect(weigh({ "/unsure": 0 }).confidence).toBeCloseTo(sure, 12);
    expect(weigh({ "/sure": 3 }).confidence).toBeCloseTo((3 * sure + unsure) / 4, 12);
    expect(weigh({ "": 0 }).confidence).toBe(0);
  });

  test("gives the replicate nearest to all others where the fields put together do not fit", () => {
    const rows = [
      { from: 1, to: 5, note: "a" },
      { from: 4, to: 5, note: "a" },
      { from: 4, to: 2, note: "b" },
      { from: 9, to: 2, note: "c" },
      { from: 3, to: 2, note: "a" },
    ];
    const check = (value: unknown) => {
      const { from, to } = value as { from: number; to: number };
      return from <= to;
    };
    const summary = summarize(replicatesOf(rows), { check });
    const voted = summarize(replicatesOf(rows));
    expect([voted.fields["/from"]?.value, voted.fields["/to"]?.value]).toEqual([4, 2]);
    const totals = pairwiseDistance(rows).map((row) => row.reduce<number>((sum, distance) => sum + (distance ?? 0), 0));
    const nearest = totals.indexOf(Math.min(...totals));
    expect(summary.consensus).toEqual(rows[nearest]);
    expect(summary.medoidId).toBe(`r${nearest + 1}`);
    expect(summary.fields["/to"]).toMatchObject({ value: rows[nearest]?.to, support: 2 });
    expect(summary.disagreements.find(({ path }) => path === "/to")?.values[0]).toMatchObject({ value: 2, support: 3 });
    expect(summary.confidence).toBeLessThan(summarize(replicatesOf(rows)).confidence);
    expect(summarize(replicatesOf(rows)).medoidId).toBeUndefined();
  });

  test("is plain JSON, distances included, which are computed once and only when read", () => {
    const summary = summarize(replicatesOf([{ a: 1 }, { a: 2, b: [] }, {}]));
    expect(JSON.parse(JSON.stringify(summary))).toEqual({ ...summary });
    expect(Object.getOwnPropertyDescriptor(summary, "pairwiseDistance")?.get).toBeTypeOf("function");
    expect(summary.pairwiseDistance).toBe(summary.pairwiseDistance);
    expect(summary.pairwiseDistance).toEqual(pairwiseDistance([{ a: 1 }, { a: 2, b: [] }, {}]));
  });

  test("has no distances of every two of more than a thousand replicates", () => {
    const rows = (count: number) => replicatesOf(Array.from({ length: count }, (_, index) => ({ a: index % 3 })));
    expect(summarize(rows(1_000)).pairwiseDistance).toHaveLength(1_000);
    expect(summarize(rows(1_001)).pairwiseDistance).toBeNull();
    expect(summarize(rows(1_001), { check: () => false }).medoidId).toBe("r1");
  });

  test("leaves the answers as they are, and hands out containers of its own", () => {
    const rows = [
      { t: [], o: {} },
      { t: [], o: {} },
    ];
    const consensus = summarize(replicatesOf(rows)).consensus as unknown as { t: unknown[]; o: Record<string, number> };
    consensus.t.push("x");
    consensus.o["x"] = 1;
    expect(rows).toEqual([
      { t: [], o: {} },
      { t: [], o: {} },
    ]);
    expect(summarize(replicatesOf(rows)).consensus).toEqual({ t: [], o: {} });
  });
});
