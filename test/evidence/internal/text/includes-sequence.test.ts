import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { includesSequence } from "../../../../src/evidence/internal/text/text-comparison.ts";

const items = (maxLength: number) => fc.array(fc.constantFrom("a", "b"), { maxLength });

describe("includesSequence", () => {
  test("finds what a search of the joined text finds", () => {
    fc.assert(
      fc.property(items(30), items(6), (list, sequence) => {
        expect(includesSequence(list, sequence)).toBe(list.join("").includes(sequence.join("")));
      }),
      { numRuns: 500 },
    );
  });

  test("reads as much as is there, whatever is there", () => {
    let reads = 0;
    const counted = (list: string[]) =>
      new Proxy(list, {
        get(target, key) {
          if (typeof key === "string" && /^\d/.test(key)) reads++;
          return Reflect.get(target, key);
        },
      });
    const sequence = ["b", ...new Array<string>(1_000).fill("a")];
    expect(includesSequence(counted(new Array<string>(10_000).fill("a")), counted(sequence))).toBe(false);
    expect(includesSequence(counted(new Array<string>(10_000).fill("a")), counted([...sequence].reverse()))).toBe(
      false,
    );
    expect(reads).toBeLessThan(10 * (10_000 + 1_000));
  });
});
