import { appendFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { OutputLine } from "../../../src/cli/output/output-line.ts";
import { OutputLog } from "../../../src/cli/output/output-log.ts";
import { createFolder, jsonLines } from "../steer.ts";

const usage = { inputTokens: 1, outputTokens: 1, totalTokens: 2 };

function line(index: number, status: "completed" | "failed" = "completed", text = "é"): OutputLine {
  const output = { status, content: text } as any;
  return { index, fingerprint: `f${index}`, input: text, status, usage, costUsd: 0.5, output };
}

const inputOf = (index: number) => ({ index, request: "é", place: `in:${index + 1}` });

function open(path: string, retryFailed = false, kept: OutputLine[] = []): Promise<OutputLog> {
  return OutputLog.open(path, { retryFailed, onKept: (found) => kept.push(found) });
}

async function write(path: string, lines: readonly OutputLine[]): Promise<void> {
  const log = await open(path);
  for (const one of lines) log.append(one);
  log.close();
}

describe("the output file", () => {
  test("keeps every whole line and nothing of a half one, wherever its writer was killed", async () => {
    const path = `${createFolder()}/out.jsonl`;
    const texts = fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(texts, fc.nat(), async (inputs, cut) => {
        writeFileSync(path, "");
        await write(
          path,
          inputs.map((text, index) => line(index, "completed", text)),
        );
        const whole = readFileSync(path);
        const length = cut % (whole.length + 1);
        truncateSync(path, length);
        const kept: OutputLine[] = [];
        (await open(path, false, kept)).close();
        const wholeLines = jsonLines(whole.toString()).filter((_, index, all) => {
          const end = Buffer.byteLength(
            all
              .slice(0, index + 1)
              .map((one) => JSON.stringify(one))
              .join("\n"),
          );
          return end <= length;
        });
        expect(kept).toEqual(wholeLines);
        expect(jsonLines(readFileSync(path, "utf8"))).toEqual(wholeLines);
        expect(readFileSync(path, "utf8")).toMatch(/^$|\n$/);
      }),
      { numRuns: 60 },
    );
  });

  test("an input that has a line is known, and another one is not", async () => {
    const path = `${createFolder()}/out.jsonl`;
    await write(path, [line(1)]);
    const log = await open(path);
    expect(log.has(inputOf(1), "f1")).toBe(true);
    expect(log.has(inputOf(0), "f0")).toBe(false);
    log.append(line(0));
    expect(log.has(inputOf(0), "f0")).toBe(true);
    log.close();
  });

  test("answers to other inputs, or of another tool, are not mixed with these", async () => {
    const path = `${createFolder()}/out.jsonl`;
    await write(path, [line(0)]);
    const log = await open(path);
    expect(() => log.has(inputOf(0), "another")).toThrow(
      /out.jsonl holds another answer for input 0 \(in:1\).*another --output/s,
    );
    log.close();
  });

  test("retryFailed takes the failed lines out, and only them", async () => {
    const path = `${createFolder()}/out.jsonl`;
    await write(path, [line(0), line(1, "failed"), line(2)]);
    const kept: OutputLine[] = [];
    const log = await open(path, true, kept);
    expect(kept.map(({ index }) => index)).toEqual([0, 2]);
    expect(log.has(inputOf(1), "f1")).toBe(false);
    log.append(line(1));
    log.close();
    expect(jsonLines(readFileSync(path, "utf8")).map(({ index, status }) => [index, status])).toEqual([
      [0, "completed"],
      [2, "completed"],
      [1, "completed"],
    ]);
  });

  test.each(["notes without a line break", '{"id":1}\n', "[1]\n"])(
    "%j is someone else's file, and stays as it is",
    async (content) => {
      const path = `${createFolder({ "out.jsonl": content })}/out.jsonl`;
      await expect(open(path)).rejects.toThrow(/was not written by this command/);
      expect(readFileSync(path, "utf8")).toBe(content);
    },
  );

  test("a line in the middle that is broken is named, and nothing is lost", async () => {
    const path = `${createFolder()}/out.jsonl`;
    await write(path, [line(0)]);
    appendFileSync(path, '{"index":1,\n');
    await write(`${path}2`, [line(2)]);
    appendFileSync(path, readFileSync(`${path}2`));
    const before = readFileSync(path, "utf8");
    await expect(open(path)).rejects.toThrow(/out.jsonl:2:12: /);
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  test("two jobs never write it at once, and the second may once the first has ended", async () => {
    const path = `${createFolder()}/out.jsonl`;
    const first = await open(path);
    await expect(open(path)).rejects.toThrow(/being written by another steer/);
    first.close();
    (await open(path)).close();
  });

  test("a folder that is not there is named", async () => {
    await expect(open(`${createFolder()}/gone/out.jsonl`)).rejects.toThrow(/gone\/out.jsonl cannot be written: ENOENT/);
  });
});
