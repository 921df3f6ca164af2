import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { atOnce, inSlices, type Slices } from "../../src/core/slices.ts";
import { summarizeParts, summarizingParts } from "../../src/evidence/internal/parts.ts";
import { FieldJobs } from "../../src/evidence/job-calibration.ts";
import { createSlicedRule, createStoppingRule } from "../../src/evidence/stopping.ts";

/** Pauses after every yield, so that every place is one where other work may come in between. */
async function pausingEverywhere<T>(work: Slices<T>): Promise<T> {
  for (let next = work.next(); ; next = work.next()) {
    if (next.done) return next.value;
    await undefined;
  }
}

const answer = fc.record({
  items: fc.array(fc.record({ sku: fc.constantFrom("a", "b", "c"), count: fc.nat(3) }), { maxLength: 5 }),
  text: fc.constantFrom("yes", "Yes.", "no", "a text that is longer than sixty-four characters, and says little else"),
});
const replicates = fc
  .array(answer, { maxLength: 8 })
  .map((all) => all.map((data, index) => ({ id: `r${index}`, data })));

describe("work in slices", () => {
  test("summarises as it does at once, also while others are summarised", async () => {
    await fc.assert(
      fc.asyncProperty(replicates, replicates, async (one, other) => {
        const sliced = await Promise.all([one, other].map((given) => pausingEverywhere(summarizingParts(given))));
        expect(sliced.map(plain)).toEqual([one, other].map((given) => plain(summarizeParts(given))));
      }),
    );
  });

  test("stops as it does at once", async () => {
    await fc.assert(
      fc.asyncProperty(replicates, fc.constantFrom("lossless", "horizon", "epsilon" as const), async (given, rule) => {
        const [now, sliced] = [createStoppingRule({ k: 8, rule }), createSlicedRule({ k: 8, rule })];
        for (const { data } of given) expect(await pausingEverywhere(sliced.observe(data))).toEqual(now.observe(data));
      }),
    );
  });

  test.each([
    ["lists of rows", 20, largeLists(20, 200)],
    ["many answers", 5, largeLists(1_000, 5)],
    ["long texts", 3, texts(8, 200_000)],
  ])("lets the event loop turn while %s are summarised", async (_, fewest, given) => {
    let [turns, isDone] = [0, false];
    const turn = () => {
      turns++;
      if (!isDone) setImmediate(turn);
    };
    setImmediate(turn);
    const summary = await inSlices(summarizingParts<unknown>(given));
    isDone = true;
    expect(turns).toBeGreaterThanOrEqual(fewest);
    expect(summary.validCount).toBe(given.length);
  });

  test("counts answers with lists anew after a sixteenth more, so that no rule takes the square of their number", () => {
    const [few, many] = [200, 800].map((k) => {
      const rule = createSlicedRule({ k, rule: "lossless" });
      let steps = 0;
      for (const { data } of largeLists(k, 3)) {
        const work = rule.observe(data);
        for (let next = work.next(); !next.done; next = work.next()) steps += next.value;
      }
      return steps;
    }) as [number, number];
    expect(many).toBeLessThan(8 * few);
  });

  test("gives the last verdict on answers with lists when all have come", () => {
    const rule = createStoppingRule({ k: 100, rule: "lossless" });
    const verdicts = Array.from({ length: 100 }, (_, at) => rule.observe({ items: [at % 2 > 0 ? "a" : "b"] }));
    expect(verdicts.findIndex(({ stop }) => stop)).toBe(99);
    expect(verdicts[70]).toMatchObject({ stop: false, needed: expect.toSatisfy((needed: number) => needed > 1) });
  });

  test("is done on return where it is small", () => {
    expect(inSlices(summarizingParts([{ id: "r1", data: { a: 1 } }]))).toMatchObject({ validCount: 1 });
  });

  test("never takes more steps at a time than a slice has", () => {
    const work = summarizingParts(largeLists(20, 100));
    const steps: number[] = [];
    for (let next = work.next(); !next.done; next = work.next()) steps.push(next.value);
    expect(Math.max(...steps)).toBeLessThan(4_000);
  });

  test("judges a bundle of very many fields in slices, as it does at once", () => {
    const data = Object.fromEntries(Array.from({ length: 3_000 }, (_, field) => [`field${field}`, field % 7]));
    const summary = summarizeParts(
      [data, { ...data, field1: 9 }, data].map((each, at) => ({ id: `r${at}`, data: each })),
    );
    const [sliced, now] = [new FieldJobs({}), new FieldJobs({})];
    for (const job of [sliced, now]) job.observe([3, 1]);
    now.observe(summary);
    let pauses = 0;
    for (const work of [sliced.observing(summary), sliced.numberingNext(summary)])
      for (let next = work.next(); !next.done; next = work.next()) if (next.value <= 5_000) pauses++;
    expect(pauses).toBeGreaterThan(6_000);
    expect(sliced.toJSON()).toEqual(now.toJSON());
  });

  test("takes answers with more fields than a function takes arguments", () => {
    const numbers = Array.from({ length: 130_000 }, (_, index) => index);
    const summary = summarizeParts([{ id: "r1", data: numbers }], { lists: "position" });
    expect(summary).toMatchObject({ validCount: 1, confidenceBasis: { kind: "none" } });
    expect(Object.keys(summary.fields)).toHaveLength(130_000);
  });

  test("hands on what the work throws", async () => {
    function* failing(): Slices<never> {
      yield 10_000;
      throw new Error("no");
    }
    expect(() => atOnce(failing())).toThrow("no");
    await expect(inSlices(failing())).rejects.toThrow("no");
  });
});

function plain(summary: ReturnType<typeof summarizeParts>) {
  return { ...summary, pairwiseDistance: summary.pairwiseDistance };
}

function largeLists(count: number, rows: number) {
  const random = seededRandom(3);
  const cell = (index: number) => (random.next() < 0.3 ? Math.floor(1e6 * random.next()) : index);
  return Array.from({ length: count }, (_, list) => ({
    id: `r${list}`,
    data: { items: Array.from({ length: rows }, (_, row) => ({ name: `row ${cell(row)}`, count: cell(row) })) },
  }));
}

function texts(count: number, length: number) {
  const random = seededRandom(4);
  const word = () => Math.floor(1e6 * random.next()).toString(36);
  return Array.from({ length: count }, (_, index) => ({
    id: `r${index}`,
    data: Array.from({ length: length / 5 }, word).join(" "),
  }));
}
