import fc from "fast-check";
import { expect, test } from "vitest";
import { difference, shareOf } from "../../../src/cli/eval/measures.ts";
import { replay } from "../../../src/cli/eval/replay.ts";
import { isRight, parseTruths } from "../../../src/cli/eval/truth.ts";
import { Orchestrator, PromptBundleTool, unwrap } from "../../../src/index.ts";
import { scriptedModel } from "../../../src/testing.ts";

test("a replayed question takes the answers, and gives the consensus, of a run under the same rule", async () => {
  const rules = ["none", "auto", "lossless", "horizon", "beta"] as const;
  const answers = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 8, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(answers, fc.constantFrom(...rules), fc.integer({ min: 1, max: 8 }), async (texts, stopping, k) => {
      const model = scriptedModel(({ index }) => ({ text: texts[index] as string }));
      const tool = new PromptBundleTool({ name: "t", model, prompt: "?", defaultOptions: { k, stopping } });
      const { evidenceBundle: live } = unwrap(await new Orchestrator().run({ tool, request: {} }));
      const paid = texts.map((data, index) => ({
        id: `r${index + 1}`,
        data,
        quality: { valid: true },
        tokens: 1,
        costUsd: 1,
        elapsedMs: 1,
      }));
      const replayed = replay(paid, { k, stopping }, { compare: { text: true }, choices: {} });
      expect(replayed.answers).toBe(live.replicates.length);
      expect(replayed.summary.consensus).toBe(live.summary.consensus);
      expect(replayed.summary.groups).toEqual(live.summary.groups);
      expect(replayed).toMatchObject({ tokens: replayed.answers, costUsd: replayed.answers });
    }),
    { numRuns: 60 },
  );
});

test("the interval of a share is Wilson's, and holds at its ends", () => {
  const round = ({ low, high }: { low: number; high: number }) => [low.toFixed(3), high.toFixed(3)];
  // Figures of Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
  expect(round(shareOf(81, 263))).toEqual(["0.255", "0.366"]);
  expect(round(shareOf(15, 148))).toEqual(["0.062", "0.160"]);
  expect(round(shareOf(0, 20))).toEqual(["0.000", "0.161"]);
  expect(round(shareOf(1, 29))).toEqual(["0.006", "0.172"]);
  expect(shareOf(0, 0)).toEqual({ value: 0, low: 0, high: 1 });
});

test("two settings that are right in the same inputs do not differ, and one interval is narrower than two", () => {
  const one = Array.from({ length: 100 }, (_, index) => index % 2 === 0);
  expect(difference(one, one)).toEqual({ value: 0, low: 0, high: 0 });
  const other = one.map((right, index) => (index < 10 ? !right : right));
  const { low, high } = difference(other, one);
  expect(high - low).toBeLessThan(0.13);
});

test.each([
  ["1,200", 1200, true],
  ["1200", "1,200", true],
  ["legal", "illegal", false],
  ["Paris", ["Paris, France", "paris"], true],
  ["Paris", ["Lyon", "Lille"], false],
])("%j is what %j says: %j", (answer, truth, expected) => {
  const [whole] = parseTruths(["answer"], false);
  expect(isRight(answer, truth, whole as any, { text: true })).toBe(expected);
});

test("names of fields may hold slashes, tildes and equal signs", () => {
  expect(parseTruths(["a/b", "/a~1b=x", "c=d=e", "/n/0=y"], true)).toEqual([
    { pointer: "/a~1b", column: "a/b" },
    { pointer: "/a~1b", column: "x" },
    { pointer: "/c=d", column: "e" },
    { pointer: "/n/0", column: "y" },
  ]);
});
