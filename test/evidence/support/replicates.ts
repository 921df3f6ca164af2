import fc from "fast-check";
import type { SummarizedReplicate } from "../../../src/evidence/summary.ts";

/** Replicates "r1", "r2", … with these answers. */
export function replicatesOf<T>(answers: readonly T[]): SummarizedReplicate<T>[] {
  return answers.map((data, index) => ({ id: `r${index + 1}`, data }));
}

/** Few different scalars, so that answers agree, differ and tie. */
export const scalar = fc.constantFrom<unknown>("low", "high", 0, 1, true, null);

/** Small objects that share some of their fields. */
export const record = fc.record(
  {
    severity: fc.constantFrom("low", "high"),
    count: fc.constantFrom(1, 2, 3),
    tags: fc.array(fc.constantFrom("a", "b"), { maxLength: 3 }),
    place: fc.record({ city: fc.constantFrom("Rome", "Oslo"), zip: fc.constantFrom(null, "00100") }),
  },
  { requiredKeys: ["severity"] },
);

const oddStrings = ["", " x ", "\ud800", "\u00e9", "e\u0301", "x".repeat(65), "y ".repeat(40)];
const oddNumbers = [-0, 2 ** 53, 2 ** 53 + 2, 5e-324, Number.NaN, Number.POSITIVE_INFINITY];

/** Any JSON and a little more: odd strings, numbers and keys, empty and nested containers. */
export const anyJson: fc.Arbitrary<unknown> = fc.anything({
  maxDepth: 3,
  maxKeys: 4,
  key: fc.constantFrom("a", "b", "c/d", "~e", "__proto__", "toString", ""),
  values: [scalar, fc.constantFrom<unknown>(...oddStrings, ...oddNumbers), fc.string({ unit: "binary" }), fc.double()],
});

/** Several answers: scalars, objects of one kind, or anything. */
export const answers = fc.oneof(
  fc.array(scalar, { minLength: 1, maxLength: 8 }),
  fc.array(record, { minLength: 1, maxLength: 8 }),
  fc.array(anyJson, { minLength: 1, maxLength: 8 }),
);
