import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { outcomeOf } from "../../bench/extraction/outcome.ts";
import { shapes, textOf } from "../../bench/extraction/shapes.ts";
import { writeText } from "../../bench/extraction/texts.ts";
import { InvalidOutputError } from "../../src/contract/errors.ts";
import { seededRandom } from "../../src/core/random.ts";
import { readAnswer } from "../../src/schema/read-answer.ts";

const jsonSchema = { type: "object", required: ["a"] };
const check = async (value: unknown) => ({ ok: Object(value) === value && "a" in Object(value) });

/** Time of the main thread alone, which other processes of a busy machine do not lengthen. */
async function cpuMsOf(text: string, isJson: boolean): Promise<number> {
  const startedAt = process.cpuUsage();
  const schema = isJson ? { jsonSchema, check } : undefined;
  const failure = await readAnswer(text, { finishReason: "stop", schema }).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure !== undefined) expect(failure).toBeInstanceOf(InvalidOutputError);
  const { user, system } = process.cpuUsage(startedAt);
  return (user + system) / 1_000;
}

/** Blocks of code. A million take about 3 ms, so that 16 for each byte of a mebibyte take 50 ms. */
const mostAtOnce = 16;
const mostForEachByte = 80;

describe("readAnswer", () => {
  test("takes a bounded number of steps for each byte, few of them before the event loop turns", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ["bench/extraction.ts", "--steps", "--json"]);
    const { rows } = JSON.parse(stdout) as { rows: Record<string, Record<string, number>> };
    expect(Object.keys(rows)).toHaveLength(shapes.length);
    for (const [name, { "at once": atOnce, ...forms }] of Object.entries(rows)) {
      expect(atOnce, name).toBeLessThan(mostAtOnce);
      expect(Math.max(...Object.values(forms)), name).toBeLessThan(mostForEachByte);
    }
    // The counters count: a list of numbers cannot be read without a step for each of them.
    expect(rows["JSON: list of numbers"]?.["JSON"]).toBeGreaterThan(1);
  }, 180_000);

  // Steps inside V8 are not counted. A quadratic one takes minutes for a mebibyte.
  test.each(shapes)("reads a mebibyte of this shape in a moment: $name", async (shape) => {
    const text = textOf(shape, 2 ** 20);
    expect(await cpuMsOf(text, true)).toBeLessThan(3_000);
    expect(await cpuMsOf(text, false)).toBeLessThan(3_000);
  });

  test("never gives another value than the one that a text was written from", async () => {
    const random = seededRandom(20261130);
    const counts = new Map<string, number>();
    for (let count = 0; count < 20_000; count++) {
      const written = writeText(random);
      const { outcome, data } = await outcomeOf(written);
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      expect(outcome, `${written.recipe}: ${written.text} => ${JSON.stringify(data)}`).not.toBe("another value");
    }
    expect(counts.get("the value")).toBeGreaterThan(5_000);
  });
});
