import { afterEach, describe, expect, test, vi } from "vitest";
import type { LanguageModelLike } from "../../src/contract/model.ts";
import { InvalidOptionsError } from "../../src/core/errors.ts";
import { generate } from "../../src/provider/language-model.ts";
import { resolveModel } from "../../src/provider/resolve.ts";
import { startOpenAIServer } from "../support/openai-server.ts";

afterEach(() => vi.unstubAllEnvs());

const messages = [{ role: "user" as const, content: "Hi" }];
const { signal } = new AbortController();

async function refusal(reference: unknown): Promise<string> {
  const error = await resolveModel(reference as string).then(
    () => expect.unreachable("it was resolved"),
    (error: unknown) => error,
  );
  expect(InvalidOptionsError.isInstance(error)).toBe(true);
  return (error as Error).message;
}

describe("resolveModel", () => {
  test("gives a model object back as it is", async () => {
    const model: LanguageModelLike = {
      specificationVersion: "v3",
      provider: "mine",
      modelId: "m",
      doGenerate: async () => ({}),
      doStream: async () => ({}),
    };
    expect(await resolveModel(model)).toBe(model);
  });

  test("asks the provider that a reference names, with the key in the environment", async () => {
    await using server = await startOpenAIServer({ text: "Hello" });
    vi.stubEnv("OPENAI_API_KEY", "secret");
    vi.stubEnv("OPENAI_BASE_URL", server.baseURL);
    const answer = await generate(await resolveModel("openai:gpt-5-mini"), { messages, signal });
    expect(answer).toMatchObject({ text: "Hello", modelId: "gpt-5-mini" });
    expect(server.calls[0]?.headers.authorization).toBe("Bearer secret");
  });

  test("asks any OpenAI-compatible server by its address, with and without a key", async () => {
    await using server = await startOpenAIServer({ text: "Hello" });
    const reference = `openai-compatible:${server.baseURL}#llama3.2`;
    const model = await resolveModel(reference);
    expect((await generate(model, { messages, signal, onDelta: () => {} })).usage.estimated).toBeUndefined();
    vi.stubEnv("OPENAI_COMPATIBLE_API_KEY", "secret");
    await generate(await resolveModel(reference), { messages, signal });
    expect(server.calls.map(({ headers }) => headers.authorization)).toEqual([undefined, "Bearer secret"]);
    expect(server.calls[0]?.body.model).toBe("llama3.2");
    expect(model.provider).toContain(new URL(server.baseURL).host);
  });

  test("names the command that installs a missing provider", async () => {
    expect(await refusal("xai:grok-4")).toMatch(/npm install @ai-sdk\/xai@\d+\.\d+\.\d+$/);
  });

  test("names the environment variable of a missing key", async () => {
    vi.stubEnv("OPENAI_API_KEY", undefined);
    expect(await refusal("openai:gpt-5-mini")).toContain("OPENAI_API_KEY");
  });

  test.each([
    ["opnai:gpt-5-mini", 'Did you mean "openai:gpt-5-mini"?'],
    ["gpt-5-mini", 'Write the provider before the model, as in "openai:gpt-5-mini".'],
    ["openai/gpt-5-mini", 'Did you mean "openai:gpt-5-mini"?'],
    ["ollama:llama3.2", '"openai-compatible:http://localhost:11434/v1#llama3.2"'],
    ["openai:", "has no model behind its provider"],
    ["constructor:x", "Known: openai, anthropic,"],
    ["openai-compatible:localhost#llama", "openai-compatible:<base URL>#<model>"],
    ["openai-compatible:http://localhost:1/v1", "openai-compatible:<base URL>#<model>"],
    ["recorded:no/such/file.jsonl", "no/such/file.jsonl"],
    ["simulated:?error=2", "from 0 to 1"],
    ["simulated:?eror=0.2", 'did you mean "error"?'],
    ["simulated:?latency=2", 'did you mean "latencyMs"?'],
  ])("refuses %s, saying what would do", async (reference, advice) => {
    expect(await refusal(reference)).toContain(advice);
  });

  test("refuses a model of an older specification, and what is none", async () => {
    expect(await refusal({ specificationVersion: "v2", doGenerate() {} })).toContain("specification v2");
    expect(await refusal(undefined)).toContain("got undefined");
  });

  test("keeps a password in an address out of its error", async () => {
    const message = await refusal("openai-compatible:https://me:hunter2@example.com/v1#llama");
    expect(message).not.toContain("hunter2");
    expect(message).toContain("example.com");
  });
});
