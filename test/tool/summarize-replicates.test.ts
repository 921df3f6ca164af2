import { expect, test } from "vitest";
import { z } from "zod";
import { BundleTool, Orchestrator, type ReplicateSpec, unwrap } from "../../src/index.ts";
import { createFakeClock } from "../../src/testing.ts";

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

class EndlessFourth extends Flags {
  override executeReplicate = async (_request: object, { index }: ReplicateSpec) =>
    index === 3 ? new Promise<never>(() => {}) : { data: answers[index] as (typeof answers)[number] };
}

test.each([
  ["that has to be awaited, an answer that was given stands for them", 5, { a: 1, b: 1, c: 0 }],
  ["that only computes, they are the consensus", 0, { a: 1, b: 1, c: 1 }],
])("where the run ends before what the votes come to has passed a check %s", async (_, checkMs, consensus) => {
  const clock = createFakeClock();
  const bit = z.number();
  const checked = () => (checkMs === 0 ? true : clock.sleep(checkMs).then(() => true));
  const schema = z.object({ a: bit, b: bit, c: bit }).refine(checked);
  const toolOptions = { k: 4, stopping: "none", schema } as const;
  const run = { tool: new EndlessFourth(), request: {}, toolOptions, options: { timeoutMs: 100 } };
  const pending = new Orchestrator({ clock }).run(run);
  await clock.runAll();
  const output = await pending;
  expect(output.status).toBe("partial");
  expect(unwrap(output).evidenceBundle.summary).toMatchObject({ consensus, validCount: 3 });
});
