import { appendFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JobHead } from "../../../src/cli/output/job-head.ts";
import type { OutputLine } from "../../../src/cli/output/output-line.ts";
import { type LogOptions, OutputLog } from "../../../src/cli/output/output-log.ts";
import { createFolder, jsonLines } from "../steer.ts";

const usage = { inputTokens: 1, outputTokens: 1, totalTokens: 2 };

function line(index: number, status: "completed" | "failed" = "completed", text = "é"): OutputLine {
  const output = { status, content: text } as any;
  return { index, fingerprint: `f${index}`, input: text, status, usage, costUsd: 0.5, output };
}

const inputOf = (index: number) => ({ index, request: "é", place: `in:${index + 1}` });

const head: JobHead = {
  fingerprint: "job",
  steer: "0.3.0",
  tool: { name: "triage", version: "1.0.0" },
  asks: { model: "openai:gpt-5-mini", prompt: "Report: {{report}}" },
  options: { k: 3 },
};

function open(path: string, options: Partial<LogOptions> = {}): Promise<OutputLog> {
  return OutputLog.open(path, { head, ...options });
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
        const log = await open(path);
        const kept = [...log.kept.keys()];
        log.close();
        const wholeLines = jsonLines(whole.toString()).filter((_, index, all) => {
          const end = Buffer.byteLength(
            all
              .slice(0, index + 1)
              .map((one) => JSON.stringify(one))
              .join("\n"),
          );
          return end <= length;
        });
        expect(kept).toEqual(wholeLines.map(({ index }) => index));
        expect(jsonLines(readFileSync(path, "utf8"))).toEqual(wholeLines);
        expect(readFileSync(path, "utf8")).toMatch(/^$|\n$/);
      }),
      { numRuns: 60 },
    );
  });

  test("an input that has a line of an earlier start is known, and another one is not", async () => {
    const path = `${createFolder()}/out.jsonl`;
    await write(path, [line(1)]);
    const log = await open(path);
    expect(log.has(inputOf(1), "f1")).toBe(true);
    expect(log.has(inputOf(0), "f0")).toBe(false);
    log.append(line(0));
    log.close();
    const again = await open(path);
    expect(again.has(inputOf(0), "f0")).toBe(true);
    again.close();
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
    const log = await open(path, { retryFailed: true });
    expect([...log.kept.keys()]).toEqual([0, 2]);
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
    await expect(open(`${createFolder()}/gone/out.jsonl`)).rejects.toThrow(
      /gone\/out.jsonl cannot be written: there is no folder .*gone \(ENOENT\)\. Make it first/,
    );
  });
});

describe("a file that knows its job", () => {
  test("says in its first line what job it is, and in no other", async () => {
    const path = `${createFolder()}/out.jsonl`;
    await write(path, [line(0), line(1)]);
    await write(path, [line(2)]);
    expect(jsonLines(readFileSync(path, "utf8")).map(({ job }) => job)).toEqual([head, undefined, undefined]);
  });

  test.each<[string, Partial<JobHead>, RegExp]>([
    [
      "another model",
      { asks: { ...head.asks, model: "openai:gpt-5" } },
      /another job: model was "openai:gpt-5-mini", and is "openai:gpt-5"\. Give what was given before/,
    ],
    ["another k", { options: { k: 5 } }, /: --k was 3, and is 5\./],
    ["an option less", { options: {} }, /: --k was 3, and is not given\./],
    [
      "another prompt",
      { asks: { ...head.asks, prompt: "x".repeat(99) } },
      /: prompt was "Report: .*, and is "xxx.*…\./,
    ],
    ["other headers, whose values are not kept", {}, /: the headers of the tool file changed\./],
  ])("refuses %s, and names it", async (_, facts, fault) => {
    const path = `${createFolder()}/out.jsonl`;
    await write(path, [line(0)]);
    const before = readFileSync(path, "utf8");
    const other = { ...head, ...facts, fingerprint: "another" };
    await expect(open(path, { head: other })).rejects.toThrow(fault);
    await expect(open(path, { head: other })).rejects.toThrow(/--fresh/);
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  test("refuses another draw, and goes on with a larger one of the same seed", async () => {
    const path = `${createFolder()}/out.jsonl`;
    const log = await open(path, { head: { ...head, sample: { count: 5, seed: 1 } } });
    log.append(line(0));
    log.close();
    await expect(open(path, { head: { ...head, sample: { count: 5, seed: 2 } } })).rejects.toThrow(
      /the seed of --sample was 1, and is 2/,
    );
    (await open(path, { head: { ...head, sample: { count: 9, seed: 1 } } })).close();
  });

  test("is gone on with by a newer version of this package, and where it says nothing of its job", async () => {
    const path = `${createFolder()}/out.jsonl`;
    await write(path, [line(0)]);
    (await open(path, { head: { ...head, steer: "9.0.0" } })).close();
    writeFileSync(path, `${JSON.stringify(line(0))}\n`);
    const log = await open(path, { head: { ...head, fingerprint: "another" } });
    expect(log.has(inputOf(0), "f0")).toBe(true);
    expect(() => log.has(inputOf(0), "another")).toThrow(/the inputs, the tool or its options have changed since/);
    log.close();
  });

  test("says that the input has changed where the job has not", async () => {
    const path = `${createFolder()}/out.jsonl`;
    await write(path, [line(0)]);
    const log = await open(path);
    expect(() => log.has(inputOf(0), "another")).toThrow(/input 0 \(in:1\): this input has changed since/);
    log.close();
  });

  test("keeps the facts of its job where the line that had them failed and is asked again", async () => {
    const path = `${createFolder()}/out.jsonl`;
    await write(path, [line(0, "failed"), line(1)]);
    (await open(path, { retryFailed: true })).close();
    expect(jsonLines(readFileSync(path, "utf8"))).toEqual([{ ...line(1), job: head }]);
  });

  test("refuses fewer inputs than it has answers", async () => {
    const path = `${createFolder()}/out.jsonl`;
    await write(path, [line(0), line(4)]);
    const log = await open(path);
    expect(() => log.assertWithin(5, "in.csv")).not.toThrow();
    expect(() => log.assertWithin(3, "in.csv")).toThrow(
      /has 2 answers, and in\.csv only 3 inputs: 1 would belong to none\. Give the inputs of before/,
    );
    log.close();
  });

  test("moves what it holds aside where it begins anew, and never an empty file over answers", async () => {
    const path = `${createFolder()}/out.jsonl`;
    await write(path, [line(0)]);
    const before = readFileSync(path, "utf8");
    for (let times = 0; times < 2; times++) {
      const log = await open(path, { fresh: true, head: { ...head, fingerprint: "another" } });
      expect(log.kept.size).toBe(0);
      log.close();
      expect(readFileSync(`${path}.old`, "utf8")).toBe(before);
    }
  });
});
