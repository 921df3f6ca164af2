import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../../src/core/random.ts";
import { resemblance, sketchText } from "../../../../src/evidence/internal/text/text-profile.ts";
import { edited, writtenText } from "../../support/written-texts.ts";

/** The part of the passages of both texts that both have. */
function exactResemblance(a: string, b: string): number {
  const passages = (text: string) =>
    new Set(Array.from({ length: text.length - 11 }, (_, at) => text.slice(at, at + 12)));
  const [one, other] = [passages(a), passages(b)];
  return one.intersection(other).size / one.union(other).size;
}

describe("sketchText", () => {
  test.each([0, 0.02, 0.1, 0.3])(
    "keeps how much two texts share of which a part of %d of the words differs",
    (part) => {
      for (let seed = 1; seed <= 10; seed++) {
        const text = writtenText(30_000, seededRandom(seed));
        const other = edited(text, part, seededRandom(seed + 100));
        const estimate = resemblance(sketchText(text), sketchText(other));
        // Four standard errors of a share of 256 draws.
        expect(Math.abs(estimate - exactResemblance(text, other))).toBeLessThan(0.125);
      }
    },
  );

  test("gives equal sketches of texts that differ in case, punctuation and spaces", () => {
    const text = writtenText(20_000, seededRandom(1));
    const other = ` ${text.toUpperCase().replaceAll(" ", ",\n ")}`;
    expect(resemblance(sketchText(text), sketchText(other))).toBe(1);
  });

  test("gives a sketch of any text, equal for equal ones", () => {
    for (const text of ["", "a", "twelve chars", "?!", "東京".repeat(9)]) {
      expect(resemblance(sketchText(text), sketchText(text))).toBe(1);
    }
    expect(resemblance(sketchText("Paris"), sketchText("Lyon"))).toBe(0);
  });

  test("takes the same room for a text of any length", () => {
    const lengths = [10, 10_000, 1_000_000].map((length) => sketchText("word ".repeat(length / 5)).length);
    expect(lengths).toEqual([256, 256, 256]);
  });
});
