import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LanguageModelLike } from "../../src/contract/model.ts";
import { generate } from "../../src/provider/language-model.ts";
import type { ModelCall } from "../../src/provider/model-call.ts";
import { recordedModel } from "../../src/provider/recorded.ts";
import { recordingModel } from "../../src/provider/recording.ts";
import { type Script, startOpenAIServer } from "../support/openai-server.ts";

const { signal } = new AbortController();
const ask = (model: LanguageModelLike, content: string, call: Partial<ModelCall> = {}) =>
  generate(model, { messages: [{ role: "user", content }], signal, ...call });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "recorded-"));
});
afterAll(() => rm(folder, { recursive: true }));

let files = 0;
const newFile = () => join(folder, `${files++}.jsonl`);
async function recording(...lines: readonly (object | string)[]): Promise<string> {
  const file = newFile();
  await writeFile(file, lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));
  return file;
}

describe("recordedModel", () => {
  test("replays a data set of real answers: sample i of the question that the prompt holds", async () => {
    const model = await recordedModel("bench/data/triviaqa-llama13b-20.jsonl");
    expect(model).toMatchObject({ source: "recorded", provider: "recorded", modelId: "triviaqa-llama13b-20" });
    const answers = await Promise.all(
      [4, 0, 8].map((sampleIndex) =>
        ask(model, "Q: The Kalahari Desert lies chiefly in which country?\nA:", { sampleIndex }),
      ),
    );
    expect(answers.map(({ text }) => text)).toEqual(["Namibia", "Botswana", ""]);
  });

  test("replays the same sample when an answer is asked for again with a correction", async () => {
    const model = await recordedModel(await recording({ question: "Why?", samples: ["because", "so"] }));
    const messages = [
      { role: "user" as const, content: "Why?" },
      { role: "assistant" as const, content: "so" },
      { role: "user" as const, content: "That will not do." },
    ];
    expect((await generate(model, { messages, signal, sampleIndex: 1 })).text).toBe("so");
  });

  test("takes the longest question that a prompt holds", async () => {
    const model = await recordedModel(
      await recording(
        { question: "Who", text: "short" },
        { question: "Who is it?", text: "long" },
        { question: "is", text: "part" },
      ),
    );
    expect((await ask(model, "Tell me. Who is it?")).text).toBe("long");
  });

  test("streams an answer in pieces that make up its text", async () => {
    const text = " two  words\nand more ";
    const model = await recordedModel(await recording({ question: "Q", text }));
    const pieces: string[] = [];
    const answer = await ask(model, "Q", { onDelta: (piece) => pieces.push(piece) });
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces.join("")).toBe(text);
    expect(answer.text).toBe(text);
  });

  test("fails loudly on a question that was not recorded, saying what was asked, and not to be asked again", async () => {
    const model = await recordedModel(await recording({ question: "Q", text: "A" }));
    await expect(ask(model, "Something else?")).rejects.toMatchObject({
      message: expect.stringContaining('"Something else?"'),
      isRetryable: false,
    });
  });

  test("fails loudly when more answers are asked for than were recorded", async () => {
    const model = await recordedModel(await recording({ question: "Q", samples: ["a", "b"] }));
    await expect(ask(model, "Q", { sampleIndex: 2 })).rejects.toThrow(/has 2 answers to "Q", and none of index 2/);
  });

  test("replays the answers of the model that is named, and asks for a name where there are several", async () => {
    const file = await recording(
      { question: "Q", text: "small", model: "s" },
      { question: "Q", text: "large", model: "l" },
    );
    expect((await ask(await recordedModel(`${file}#l`), "Q")).text).toBe("large");
    await expect(recordedModel(file)).rejects.toThrow(`recorded:${file}#s`);
    await expect(recordedModel(`${file}#x`)).rejects.toThrow("one of s, l after #");
  });

  test.each([
    ["a half-written line", ['{"question":"Q","text":"A"}', '{"question":"Q","te'], ":2:20"],
    ["a broken line", ['{"question":"Q","text":"A"}', "", '{"question":"Q" "text":"A"}'], ":3:17"],
    ["a line that is no answer", ['{"question":"Q","txt":"A"}'], ":1:1"],
  ])("names file, line and column of %s", async (_, lines, place) => {
    const file = await recording(...lines);
    await expect(recordedModel(file)).rejects.toThrow(`${file}${place}`);
  });
});

describe("recordingModel", () => {
  const schema = { type: "object", properties: { a: { type: "number" } }, required: ["a"] };

  async function record(
    script: Script,
    calls: (model: LanguageModelLike) => Promise<void>,
    supportsStructuredOutputs = true,
  ) {
    await using server = await startOpenAIServer(script);
    const live = createOpenAICompatible({
      name: "local",
      baseURL: server.baseURL,
      includeUsage: true,
      supportsStructuredOutputs,
    });
    const file = newFile();
    await calls(recordingModel(live("llama"), file));
    return file;
  }

  test.each([true, false])(
    "keeps answers that replay as they were, from a model that takes schemas or not (%s)",
    async (takesSchema) => {
      const live: unknown[] = [];
      const file = await record(
        { text: '{"a":1}' },
        async (model) => {
          live.push(await ask(model, "one", { sampleIndex: 1, responseSchema: schema }));
          live.push(await ask(model, "one", { sampleIndex: 0, responseSchema: schema, onDelta: () => {} }));
          live.push(await ask(model, "two"));
        },
        takesSchema,
      );
      const replay = await recordedModel(file);
      expect(replay).toMatchObject({ modelId: "llama", provider: "recorded.local.chat" });
      const replayed = [
        await ask(replay, "one", { sampleIndex: 1, responseSchema: schema }),
        await ask(replay, "one", { sampleIndex: 0, responseSchema: schema }),
        await ask(replay, "two"),
      ];
      // A recording keeps the meaning of the word that ended an answer, and not the word.
      const parts = ({ text, usage, finishReason }: any) => ({ text, usage, unified: finishReason.unified });
      expect(replayed.map(parts)).toEqual(live.map(parts));
      await expect(ask(replay, "one", { sampleIndex: 0 })).rejects.toThrow("no answer to this prompt");
    },
  );

  test("keeps nothing of an answer that was cut off", async () => {
    const file = await record({ text: "one two", cutAfter: 1, cut: "end" }, async (model) => {
      await ask(model, "Q", { onDelta: () => {} }).catch(() => {});
    });
    await expect(readFile(file)).rejects.toThrow("ENOENT");
  });
});
