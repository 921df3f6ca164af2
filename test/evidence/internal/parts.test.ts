import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { atOnce } from "../../../src/core/slices.ts";
import { type PartialReplicate, summarizeParts } from "../../../src/evidence/internal/parts.ts";
import { createPartsRule } from "../../../src/evidence/internal/parts-rule.ts";
import { pickFields, replaceFields } from "../../../src/evidence/internal/pick-fields.ts";
import { createStoppingRule } from "../../../src/evidence/stopping.ts";
import { summarize } from "../../../src/evidence/summary.ts";
import { answers, replicatesOf } from "../support/replicates.ts";

function partsRule(...given: Parameters<typeof createPartsRule>) {
  const rule = createPartsRule(...given);
  return { observe: (...replicate: Parameters<typeof rule.observe>) => atOnce(rule.observe(...replicate)) };
}

const parts = ["/severity", "/count", "/tags", "/place/city", "/place/zip"];

/** Objects that have each of the parts. */
const object = fc.record({
  severity: fc.constantFrom("low", "high"),
  count: fc.constantFrom(1, 2, 3),
  tags: fc.array(fc.constantFrom("a", "b"), { maxLength: 3 }),
  place: fc.record({ city: fc.constantFrom("Rome", "Oslo"), zip: fc.constantFrom(null, "00100") }),
});
const objects = fc.array(object, { minLength: 1, maxLength: 8 });
const someParts = fc.subarray(parts, { minLength: 1 });
/** Whole objects, then some that were asked for parts. */
const mixed = fc.tuple(objects, fc.array(fc.tuple(object, someParts), { minLength: 1, maxLength: 8 }));

function replicatesFrom(whole: readonly unknown[], more: readonly (readonly [unknown, string[]])[]) {
  const partial = more.map(([data, fields]) => ({ data: pickFields(data, fields), fields }));
  return [...whole.map((data) => ({ data })), ...partial].map(
    (replicate, index): PartialReplicate<unknown> => ({ id: `r${index + 1}`, ...replicate }),
  );
}

describe("summarizeParts", () => {
  test("is summarize where every replicate is whole, invalid ones and a refused consensus included", () => {
    fc.assert(
      fc.property(answers, fc.infiniteStream(fc.boolean()), fc.boolean(), (values, isValid, fits) => {
        const replicates = replicatesOf(values).map((replicate, index) => ({
          ...replicate,
          quality: { valid: isValid.next().value as boolean },
          ...(index % 2 === 0 && { usage: { totalTokens: 10 + index } }),
        }));
        const check = () => fits;
        const [whole, inParts] = [summarize(replicates, { check }), summarizeParts(replicates, { check })];
        expect(inParts).toEqual(whole);
        expect(Object.keys(inParts.fields)).toEqual(Object.keys(whole.fields));
      }),
      { numRuns: 300 },
    );
  });

  test("takes an answer that was asked for every part by name as it takes a whole one", () => {
    fc.assert(
      fc.property(objects, objects, (whole, others) => {
        const named = replicatesFrom(
          whole,
          others.map((data) => [data, parts]),
        );
        const expected = summarize(replicatesOf([...whole, ...others]));
        const { confidence, ...inParts } = summarizeParts(named);
        expect(confidence).toBeCloseTo(expected.confidence, 12);
        expect(inParts.fields).toEqual(expected.fields);
        expect(inParts.consensus).toEqual(expected.consensus);
        expect([inParts.weakest, inParts.stability]).toEqual([expected.weakest, expected.stability]);
        expect(inParts.disagreements.map(({ path }) => path).sort()).toEqual(
          expected.disagreements.map(({ path }) => path).sort(),
        );
        expect(inParts.pairwiseDistance).toEqual(expected.pairwiseDistance);
      }),
    );
  });

  test("lets those vote on a part that were asked for it, and nobody else", () => {
    fc.assert(
      fc.property(mixed, ([whole, more]) => {
        const replicates = replicatesFrom(whole, more);
        const { consensus, fields, disagreements } = summarizeParts(replicates);
        for (const part of parts) {
          const asked = replicates.filter((replicate) => replicate.fields?.includes(part) ?? true);
          const alone = summarize(asked.map(({ id, data }) => ({ id, data: pickFields(data, [part]) })));
          const isOwn = (pointer: string) => pointer === part || pointer.startsWith(`${part}/`);
          const own = Object.entries(fields).filter(([pointer]) => isOwn(pointer));
          expect(Object.fromEntries(own)).toEqual(alone.fields);
          expect(disagreements.filter(({ path }) => isOwn(path))).toEqual(alone.disagreements);
          expect(pickFields(consensus, [part])).toEqual(alone.consensus);
        }
      }),
    );
  });

  test("measures the distance of two replicates over what both were asked for", () => {
    const { pairwiseDistance } = summarizeParts([
      { id: "r1", data: { a: 1, b: 1, c: 1 } },
      { id: "r2", data: { a: 1 }, fields: ["/a"] },
      { id: "r3", data: { b: 2, a: 1 }, fields: ["/a", "/b"] },
      { id: "r4", data: { c: 2 }, fields: ["/c"] },
      { id: "r5", data: {}, fields: ["/a"], quality: { valid: false } },
    ]);
    expect(pairwiseDistance).toEqual([
      [0, 0, 0.5, 1, null],
      [0, 0, 0, null, null],
      [0.5, 0, 0, null, null],
      [1, null, null, 0, null],
      [null, null, null, null, null],
    ]);
  });

  test("gives of a consensus that does not fit the whole answer that is nearest to the others", () => {
    const replicates = replicatesFrom(
      [
        { a: 1, b: 1 },
        { a: 1, b: 2 },
        { a: 1, b: 2 },
      ],
      [[{ b: 1 }, ["/b"]]],
    );
    const summary = summarizeParts(replicates, { check: () => false });
    expect(summary).toMatchObject({ consensus: { a: 1, b: 2 }, medoidId: "r2" });
  });

  test("ranks disagreements by share, as fields have different numbers of votes", () => {
    const { disagreements } = summarizeParts<object>([
      { id: "r1", data: { a: 1, b: 1 } },
      { id: "r2", data: { a: 2, b: 1 } },
      { id: "r3", data: { a: 1, b: 2 } },
      ...["r4", "r5", "r6"].map((id, index) => ({ id, data: { a: 1 + (index % 2) }, fields: ["/a"] })),
    ]);
    expect(disagreements.map(({ path }) => path)).toEqual(["/b", "/a"]);
  });
});

describe("createPartsRule", () => {
  test("says of each part what a rule of its own says of the replicates that were asked for it, until it is settled", () => {
    const steps = fc.array(fc.tuple(object, fc.boolean(), fc.option(someParts)), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(steps, fc.constantFrom("lossless", "horizon", "beta", "epsilon"), (replicates, rule) => {
        const options = { k: 8, rule } as const;
        const inParts = partsRule(parts, options);
        const alone = parts.map((part) => ({
          part,
          stop: false,
          rule: createStoppingRule({ ...options, fields: [part] }),
        }));
        for (const [data, valid, fields] of replicates) {
          for (const own of alone) {
            if (own.stop || !(fields?.includes(own.part) ?? true)) continue;
            own.stop = own.rule.observe(pickFields(data, [own.part]), { valid }).stop;
          }
          const verdict = inParts.observe(data, { valid, fields: fields ?? undefined });
          const unsettled = alone.filter(({ stop }) => !stop).map(({ part }) => part);
          expect(verdict.unsettled).toEqual(unsettled);
          expect(verdict.stop).toBe(unsettled.length === 0);
        }
      }),
    );
  });

  test("counts an invalid replicate for the parts that it was asked for", () => {
    const rule = partsRule(["/a", "/b"], { k: 4, rule: "lossless" });
    rule.observe({ a: 1, b: 1 });
    expect(rule.observe(null, { valid: false, fields: ["/b"] }).unsettled).toEqual(["/a", "/b"]);
    expect(rule.observe({ b: 1 }, { fields: ["/b"] }).unsettled).toEqual(["/a"]);
    rule.observe({ a: 1 }, { fields: ["/a"] });
    expect(rule.observe({ a: 1 }, { fields: ["/a"] })).toMatchObject({ stop: true, needed: 0 });
  });

  test("waits for the fields that the caller names only, and knows those that are in no part", () => {
    const rule = partsRule(["/a", "/b", "/list"], { k: 3, fields: ["/a", "/list/0"] });
    rule.observe({ a: 1, b: 1, list: ["x", "y"] });
    expect(rule.observe({ a: 2, b: 2, list: ["x", "z"] }).unsettled).toEqual(["/a"]);
    expect(() => partsRule(["/a"], { k: 3, fields: ["/z"] })).toThrow("/a");
  });
});

describe("fields of an answer", () => {
  test("come out and go back in at their place, whatever their names", () => {
    const value = JSON.parse('{"__proto__":{"x":1,"y":2},"a/b":[1],"c":null}');
    const pointers = ["/__proto__/x", "/a~1b"];
    expect(pickFields(value, pointers)).toEqual(JSON.parse('{"__proto__":{"x":1},"a/b":[1]}'));
    const other = JSON.parse('{"__proto__":{"x":9},"a/b":[]}');
    expect(replaceFields(value, other, pointers)).toEqual(JSON.parse('{"__proto__":{"x":9,"y":2},"a/b":[],"c":null}'));
    expect(replaceFields(value, {}, ["/c"])).not.toHaveProperty("c");
  });
});
