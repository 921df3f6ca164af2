import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { afterEach, describe, expect, test } from "vitest";
import { endingOf, endingWords } from "../../src/provider/endings.ts";
import { generate } from "../../src/provider/language-model.ts";
import { recordingModel } from "../../src/provider/recording.ts";
import { judge } from "../../src/provider/verdict.ts";
import { classify } from "../../src/reliability.ts";
import { readRows } from "./dialects/rows.ts";
import { modelOf } from "./dialects/run-row.ts";
import { serve } from "./dialects/server.ts";

const model = { provider: "p", modelId: "m" };
const chat = {
  protocol: "chat",
  words: [],
  isRefused: false,
  unified: "other",
  raw: undefined,
  isWhole: true,
} as const;
const signal = new AbortController().signal;
const messages = [{ role: "user" as const, content: "Hi" }];

describe("the words that end an answer", () => {
  const words = endingWords.flatMap(({ ending, words }) => words.split(" ").map((word) => [word, ending] as const));

  test.each(words)("%s means %s, in any case of letters", (word, ending) => {
    for (const written of [word, word.toUpperCase(), word.toLowerCase()])
      expect(endingOf(written)?.ending).toBe(ending);
  });

  test("are each listed once", () => {
    const plain = words.map(([word]) => word.toLowerCase().replace(/[^a-z]/g, ""));
    expect(plain.filter((word, index) => plain.indexOf(word) !== index)).toEqual([]);
  });

  test.each(words)(
    "lets an answer vote that ended with %s only where that means complete or cut off",
    (word, ending) => {
      const verdict = () => judge(model, { ...chat, words: [word] }, 3);
      if (ending === "complete")
        expect(verdict()).toMatchObject({ finishReason: { unified: "stop", raw: word }, isCutOff: false });
      else if (ending === "cut_off")
        expect(verdict()).toMatchObject({ finishReason: { unified: "length", raw: word }, isCutOff: true });
      else expect(verdict).toThrow();
    },
  );
});

describe("a word that no table has", () => {
  test.each([
    ["policy_block", "refused"],
    ["UNSAFE_OUTPUT", "refused"],
    ["worker_timed_out", "failed"],
    ["node_evicted", "failed"],
    ["decoder_exception", "failed"],
    ["max_response_tokens", "cut_off"],
    ["context_window_exceeded", "cut_off"],
    ["done", undefined],
    ["finished_early", undefined],
    ["yielded", undefined],
  ] as const)("means by its stem what keeps half an answer from a vote: %s, %s", (word, ending) => {
    expect(endingOf(word)?.ending).toBe(ending);
  });
});

describe("an answer that ended with a word that no table knows", () => {
  const fail = (previousError?: unknown) => {
    try {
      return judge(model, { ...chat, words: ["yielded"] }, 3, previousError);
    } catch (error) {
      return error;
    }
  };

  test("names the word, is asked for once more, and is held against no server", () => {
    const first = fail();
    expect(String(first)).toContain('"yielded"');
    expect(classify(first)).toMatchObject({ isRetryable: true, breaker: "neutral" });
    expect(classify(fail(first))).toMatchObject({ isRetryable: false, breaker: "neutral" });
  });
});

describe("an answer of a package whose API is not known", () => {
  test.each([
    ["stop", "stop"],
    ["tool-calls", "tool-calls"],
    ["length", "length"],
  ] as const)("is what its unified reason says: %s", (unified, told) => {
    const verdict = judge(model, { ...chat, protocol: undefined, unified, raw: "theirs" }, 3);
    expect(verdict.finishReason).toEqual({ unified: told, raw: "theirs" });
  });

  test.each(["content-filter", "error", "other", "interrupted"] as const)("does not vote with %s", (unified) => {
    expect(() => judge(model, { ...chat, protocol: undefined, unified, raw: undefined }, 3)).toThrow();
  });
});

test("keeps thoughts that came beside the text, whole and streamed", async () => {
  const message = { role: "assistant", content: "42", reasoning_content: "hmm" };
  const chunk = (delta: object, finish_reason: string | null = null) => ({
    id: "s1",
    object: "chat.completion.chunk",
    created: 1,
    model: "m",
    choices: [{ index: 0, delta, finish_reason }],
  });
  await using server = await serve({
    id: "thoughts",
    kind: "reasoning",
    server: "any",
    api: "openai-compatible",
    given: {
      lasts: true,
      body: {
        id: "c1",
        object: "chat.completion",
        created: 1,
        model: "m",
        choices: [{ index: 0, message, finish_reason: "stop" }],
      },
      events: [
        chunk({ reasoning_content: "h" }),
        chunk({ reasoning_content: "mm" }),
        chunk({ content: "42" }, "stop"),
        "[DONE]",
      ],
    },
    expected: {},
    why: "",
  });
  const asked = createOpenAICompatible({ name: "l", baseURL: `${server.url}/v1` })("m");
  for (const onDelta of [undefined, () => {}])
    expect(await generate(asked, { messages, signal, onDelta })).toMatchObject({ text: "42", reasoning: "hmm" });
});

describe("recordingModel", () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  const rows = [...readRows("public-reports"), ...readRows("siblings")].filter(
    ({ kind, given }) =>
      (kind === "finish_reason" || kind === "stream_end" || kind === "in_stream_error") && !given.lasts,
  );

  test.each(rows)("keeps the answer of $id only where it is complete", async (row) => {
    const folder = mkdtempSync(join(tmpdir(), "recording-"));
    folders.push(folder);
    const file = join(folder, "answers.jsonl");
    await using server = await serve(row, { lasts: true });
    const isStreamed = row.given.body === undefined;
    const recording = recordingModel(modelOf(row.api, server.url), file);
    const answer = await generate(recording, { messages, signal, ...(isStreamed && { onDelta: () => {} }) }).catch(
      () => undefined,
    );
    const kept = (() => {
      try {
        return readFileSync(file, "utf8").trim().split("\n").length;
      } catch {
        return 0;
      }
    })();
    expect(kept).toBe(answer && !answer.isCutOff ? 1 : 0);
  });
});
