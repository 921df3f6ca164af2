import { expect, test } from "vitest";
import { z } from "zod";
import { BundleTool, Orchestrator, type ReplicateSpec, unwrap } from "../../src/index.ts";

/** No answer sets all three; put together by votes on each, they do. */
const answers = [
  { a: 1, b: 1, c: 0 },
  { a: 1, b: 0, c: 1 },
  { a: 0, b: 1, c: 1 },
];

class Flags extends BundleTool<object, (typeof answers)[number]> {
  readonly name = "flags";
  override executeReplicate = async (_request: object, { index }: ReplicateSpec) => ({
    data: answers[index] as (typeof answers)[number],
  });
}

test.each([
  ["refuses", () => false],
  [
    "throws at",
    () => {
      throw new RangeError("three flags");
    },
  ],
])("where the schema %s what the votes come to, an answer that was given stands for them", async (_, onAllSet) => {
  const bit = z.number();
  const schema = z.object({ a: bit, b: bit, c: bit }).refine(({ a, b, c }) => a + b + c < 3 || onAllSet());
  const toolOptions = { k: 3, stopping: "none", schema } as const;
  const output = await new Orchestrator().run({ tool: new Flags(), request: {}, toolOptions });
  const { summary } = unwrap(output).evidenceBundle;
  expect(summary.validCount).toBe(3);
  expect(answers).toContainEqual(summary.consensus);
});
