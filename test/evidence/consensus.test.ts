import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BundleSummary } from "../../src/contract/bundle.ts";
import { pairwiseDistance } from "../../src/evidence/distance.ts";
import { summarize } from "../../src/evidence/summary.ts";
import { replicatesOf, scalar } from "./support/replicates.ts";

const row = fc.record(
  {
    sku: fc.constantFrom("a", "b", "c", "d"),
    qty: fc.constantFrom(1, 2, null),
    tags: fc.array(scalar, { maxLength: 3 }),
  },
  { requiredKeys: ["sku"] },
);
/** Objects with lists of scalars and of objects, empty ones, nulls, and fields that only some have. */
const answer = fc.record(
  {
    rows: fc.array(row, { maxLength: 4 }),
    words: fc.array(scalar, { maxLength: 4 }),
    place: fc.record({ city: scalar, zip: scalar }, { requiredKeys: [] }),
    note: fc.oneof(scalar, fc.array(scalar, { maxLength: 2 }), fc.dictionary(fc.constantFrom("x", "y"), scalar)),
  },
  { requiredKeys: [] },
);
const answers = fc.array(fc.oneof(answer, fc.array(row, { maxLength: 4 })), { minLength: 1, maxLength: 7 });

function at(value: unknown, pointer: string): unknown {
  let found: unknown = value;
  for (const step of pointer.split("/").slice(1)) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as Record<string, unknown>)[step];
  }
  return found;
}

/** The leaves of a value, without their places in lists. */
function leavesOf(value: unknown, path = ""): string[] {
  if (Array.isArray(value))
    return value.length > 0 ? value.flatMap((item) => leavesOf(item, `${path}/*`)) : [`${path} []`];
  if (typeof value !== "object" || value === null) return [`${path} ${JSON.stringify(value)}`];
  const inner = Object.entries(value).flatMap(([key, own]) => leavesOf(own, `${path}/${key}`));
  return inner.length > 0 ? inner : [`${path} {}`];
}

function listsOf(value: unknown, path = ""): [string, unknown[]][] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return [[path, value], ...value.flatMap((item) => listsOf(item, `${path}/*`))];
  return Object.entries(value).flatMap(([key, own]) => listsOf(own, `${path}/${key}`));
}

/** The text of a value, its lists in any order. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).sort().join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, own]) => `${key}:${textOf(own)}`)
    .sort()
    .join()}}`;
}

function mostTimes(lists: readonly (readonly unknown[])[], text: string): number {
  return Math.max(0, ...lists.map((list) => list.filter((item) => textOf(item) === text).length));
}

function expectToFit({ consensus, fields, disagreements }: BundleSummary): void {
  for (const [pointer, field] of Object.entries(fields)) expect(at(consensus, pointer)).toEqual(field.value);
  for (const { path, values } of disagreements) expect(fields[path]?.distribution).toHaveLength(values.length);
}

describe("the consensus of random answers", () => {
  const options = fc.constantFrom({}, { lists: "position" } as const);

  test("is contradicted by no field, nor by a disagreement", () => {
    fc.assert(
      fc.property(answers, options, (values, compare) => {
        const summary = summarize(replicatesOf(values), compare);
        expectToFit(summary);
        for (const { path, values: shown } of summary.disagreements) {
          expect(at(summary.consensus, path)).toEqual(shown[0]?.value);
          expect(shown.length).toBeGreaterThan(1);
        }
        const contested = Object.entries(summary.fields).filter(([, { distribution }]) => distribution.length > 1);
        expect(summary.disagreements.map(({ path }) => path).sort()).toEqual(contested.map(([path]) => path).sort());
      }),
      { numRuns: 1500 },
    );
  });

  test("is contradicted by no disagreement where a list and an object share a pointer", () => {
    const { consensus, disagreements } = summarize(replicatesOf([{ 0: 0 }, [" a"], {}]));
    expect(disagreements.length).toBeGreaterThan(0);
    for (const { path, values } of disagreements) expect(values[0]?.value).toEqual(at(consensus, path));
  });

  test("is a text to the letter that most answers of its group gave", () => {
    const forms = fc.constantFrom("a", " a", "a ", "A", "**a**", "\u00e9", "e\u0301", "b", "yes", "Yes.");
    fc.assert(
      fc.property(
        fc.array(forms, { minLength: 1, maxLength: 7 }),
        fc.constantFrom("exact", undefined),
        (texts, text) => {
          const values = texts.map((said) => ({ said }));
          const { consensus, fields } = summarize(replicatesOf(values), text ? { text } : {});
          expect(values).toContainEqual(consensus);
          for (const { value } of fields["/said"]?.distribution ?? []) expect(texts).toContain(value);
        },
      ),
    );
  });

  test("is contradicted by no field where a whole answer is given in its place", () => {
    fc.assert(
      fc.property(answers, options, (values, compare) => {
        const summary = summarize(replicatesOf(values), { ...compare, check: () => false });
        expect(values).toContainEqual(summary.consensus);
        expectToFit(summary);
      }),
      { numRuns: 500 },
    );
  });

  test("holds no value that no answer gave, and no empty list or object that was empty in none", () => {
    fc.assert(
      fc.property(answers, options, (values, compare) => {
        const given = new Set(values.flatMap((value) => leavesOf(value)));
        for (const leaf of leavesOf(summarize(replicatesOf(values), compare).consensus)) expect(given).toContain(leaf);
      }),
      { numRuns: 1500 },
    );
  });

  test("has no item twice that no answer has twice", () => {
    fc.assert(
      fc.property(answers, (values) => {
        const given = values.flatMap((value) => listsOf(value));
        for (const [path, list] of listsOf(summarize(replicatesOf(values)).consensus)) {
          const lists = given.filter(([own]) => own === path).map(([, own]) => own);
          for (const item of list) {
            const text = textOf(item);
            const times = list.filter((other) => textOf(other) === text).length;
            expect(times).toBeLessThanOrEqual(Math.max(1, mostTimes(lists, text)));
          }
        }
      }),
      { numRuns: 1500 },
    );
  });

  test("is as far from the others in any order: distances are symmetric, in [0, 1], and move with the answers", () => {
    const both = answers.chain((values) =>
      fc.tuple(fc.constant(values), fc.shuffledSubarray(Array.from(values.keys()), { minLength: values.length })),
    );
    fc.assert(
      fc.property(both, ([values, order]) => {
        const [matrix, other] = [pairwiseDistance(values), pairwiseDistance(order.map((index) => values[index]))];
        order.forEach((row, newRow) => {
          order.forEach((column, newColumn) => {
            const distance = matrix[row]?.[column] as number;
            expect(other[newRow]?.[newColumn]).toBeCloseTo(distance, 12);
            expect(matrix[column]?.[row]).toBe(distance);
            expect(distance >= 0 && distance <= 1 && (row !== column || distance === 0)).toBe(true);
          });
        });
      }),
      { numRuns: 1000 },
    );
  });
});
