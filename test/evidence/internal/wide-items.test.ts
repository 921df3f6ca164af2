import { expect, it } from "vitest";
import { FieldComparison } from "../../../src/evidence/internal/field-comparison.ts";
import { tabulate } from "../../../src/evidence/internal/list-alignment.ts";

/** Steps of three answers of one list item each, which differ in some of the item's many members. */
function stepsOf(members: number): { steps: number; longest: number } {
  const item = (offset: number) =>
    Object.fromEntries(Array.from({ length: members }, (_, at) => [`k${at}`, (at + offset) % 7]));
  const answers = [0, 1, 0].map((offset) => [item(offset)]);
  let [steps, longest] = [0, 0];
  const work = tabulate(answers, FieldComparison.of(undefined));
  for (let next = work.next(); !next.done; next = work.next()) {
    steps += next.value;
    longest = Math.max(longest, next.value);
  }
  return { steps, longest };
}

it("takes steps in proportion to the members of a list's items", () => {
  const [few, many] = [stepsOf(200), stepsOf(1_600)];
  expect(many.steps / few.steps).toBeLessThan(10);
});

it("pauses while it reads an item with many members", () => {
  const { steps, longest } = stepsOf(6_000);
  expect(longest).toBeLessThan(steps / 20);
});
