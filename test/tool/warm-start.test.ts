import { describe, expect, test } from "vitest";
import {
  type EvidenceBundle,
  type OrchestrationEvent,
  Orchestrator,
  PromptBundleTool,
  type PromptBundleToolOptions,
  ReliableOrchestrator,
  unwrap,
} from "../../src/index.ts";
import { scriptedModel } from "../../src/testing.ts";
import { type CachingApi, type CachingServerOptions, startCachingServer } from "../support/caching-server.ts";

// What the vendors document:
// https://developers.openai.com/api/docs/guides/prompt-caching
// https://platform.claude.com/docs/en/build-with-claude/prompt-caching
// https://ai.google.dev/gemini-api/docs/caching

const words = (tokens: number) => "The report says that the door of the house is open. ".repeat(Math.ceil(tokens / 11));

interface Asked {
  readonly api: CachingApi;
  readonly modelId?: string;
  readonly tokens?: number;
  readonly k?: number;
  readonly server?: CachingServerOptions;
  readonly tool?: Partial<PromptBundleToolOptions<string, string, string>>;
  readonly options?: object;
  readonly toolOptions?: object;
}

async function ask({ api, modelId, tokens = 3_000, k = 4, server: given, tool: more, options, toolOptions }: Asked) {
  await using server = await startCachingServer(given);
  const tool = new PromptBundleTool({
    name: "triage",
    model: server.model(api, modelId),
    system: "You triage reports.",
    prompt: words(tokens),
    ...more,
    defaultOptions: { k, stopping: "none" },
  });
  const events: OrchestrationEvent[] = [];
  const run = { tool, request: {}, options, toolOptions, onEvent: (event: OrchestrationEvent) => events.push(event) };
  const output = await new Orchestrator().run(run as any);
  const { evidenceBundle } = unwrap(output as any) as { evidenceBundle: EvidenceBundle };
  return { served: [...server.served], output, bundle: evidenceBundle, events };
}

test("answers that followed a first call are given out when the run ends, as all others are", async () => {
  const abort = new AbortController();
  let answered = 0;
  const model = scriptedModel(
    ({ index }) => {
      if (index === 1) return { hang: true };
      if (++answered === 5) setImmediate(() => abort.abort(new Error("enough")));
      return { text: `answer ${index} ${words(300)}`, usage: { inputTokens: 1_500, outputTokens: 5 } };
    },
    { provider: "anthropic.first", modelId: "claude" },
  );
  const defaultOptions = { k: 6, stopping: "none", maxParallel: 2 } as const;
  const prices = { costUsd: ({ usage }: any) => usage.totalTokens - 0.9 * (usage.cachedInputTokens ?? 0) };
  const tool = new PromptBundleTool({ name: "t", model, prompt: words(3_000), defaultOptions });
  const onEvent = () => {};
  const run = new ReliableOrchestrator({ prices }).run({ tool, request: {}, signal: abort.signal, onEvent });
  const { partial } = await run.then(
    () => ({}) as any,
    (error) => error,
  );
  expect(partial.content?.evidenceBundle.summary.validCount).toBe(5);
});

describe("a prompt that is long enough for the provider's cache", () => {
  test.each<[CachingApi, string]>([
    ["openai-chat", "gpt-5-mini"],
    ["openai-responses", "gpt-5-mini"],
    ["anthropic", "claude-sonnet-4-5"],
    ["google", "gemini-2.5-flash"],
  ])("is sent to %s by one call first, and read from the cache by all others", async (api, modelId) => {
    const { served, bundle } = await ask({ api, modelId, options: { streaming: true } });
    expect(served).toHaveLength(4);
    expect(served.map(({ cachedTokens }) => cachedTokens > 0)).toEqual([false, true, true, true]);
    expect(bundle.replicates.filter(({ usage }) => (usage?.cachedInputTokens ?? 0) > 0)).toHaveLength(3);
    expect(bundle.meta.reuse?.cachedInputTokens).toBe(served.reduce((sum, { cachedTokens }) => sum + cachedTokens, 0));
    expect(bundle.meta.reuse?.savedUsd).toBeGreaterThan(0);
  });

  test("asks Anthropic to keep the system message and the prompt, and nothing behind them", async () => {
    const { served } = await ask({ api: "anthropic" });
    const marks = { cache_control: { type: "ephemeral" } };
    for (const { body } of served) {
      expect(body.system).toEqual([{ type: "text", text: "You triage reports.", ...marks }]);
      expect(body.messages).toEqual([{ role: "user", content: [{ type: "text", text: words(3_000), ...marks }] }]);
    }
    expect(served.map(({ isStreaming }) => isStreaming)).toEqual([true, false, false, false]);
    expect(served[0]).toMatchObject({ cachedTokens: 0, writtenTokens: served[0]?.promptTokens });
  });

  test("puts the correction of an answer behind what the calls share", async () => {
    const schema = { type: "object", properties: { yes: { type: "boolean" } }, required: ["yes"] } as const;
    const answer = (number: number) => (number === 0 ? '{"yes":"perhaps"}' : '{"yes":true}');
    await using server = await startCachingServer({ answer });
    const model = server.model("anthropic", "claude-sonnet-4");
    const prompt = words(3_000);
    const tool = new PromptBundleTool({ name: "t", model, prompt, schema, defaultOptions: { k: 2, stopping: "none" } });
    unwrap(await new ReliableOrchestrator().run({ tool, request: {} }));
    const corrected = server.served.find(({ body }) => body.messages.length > 1);
    expect(corrected?.body.messages[0].content.at(-1).cache_control).toEqual({ type: "ephemeral" });
    expect(corrected?.cachedTokens).toBeGreaterThan(0);
    expect(JSON.stringify(corrected?.body.messages.slice(1))).not.toContain("cache_control");
  });

  test("asks for single fields behind what the calls share", async () => {
    const properties = { yes: { type: "boolean" }, place: { type: "string" } };
    const schema = { type: "object", properties, required: ["yes", "place"] } as const;
    const answer = (number: number) => JSON.stringify({ yes: true, place: `place ${number}` });
    await using server = await startCachingServer({ answer });
    const model = server.model("anthropic");
    const defaultOptions = { k: 6, resample: "fields" } as const;
    const tool = new PromptBundleTool({
      name: "t",
      model,
      system: "Be brief.",
      prompt: words(3_000),
      schema,
      defaultOptions,
    });
    unwrap(await new Orchestrator().run({ tool, request: {} }));
    const [first] = server.served;
    const ofFields = server.served.filter(({ body }) => JSON.stringify(body).includes("only these fields"));
    expect(ofFields.length).toBeGreaterThan(0);
    for (const { body, cachedTokens } of ofFields) {
      expect(body.system).toEqual(first?.body.system);
      expect(body.messages[0].content[0]).toEqual(first?.body.messages[0].content[0]);
      expect(cachedTokens).toBeGreaterThan(0);
    }
  });

  test("leads all calls of OpenAI to one machine by a key of tool and prompt that holds none of their words", async () => {
    const first = await ask({ api: "openai-responses" });
    const second = await ask({ api: "openai-responses" });
    const other = await ask({ api: "openai-responses", tokens: 4_000 });
    const keys = (asked: typeof first) => new Set(asked.served.map(({ body }) => body.prompt_cache_key));
    expect([...keys(first)]).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
    expect(keys(second)).toEqual(keys(first));
    expect(keys(other)).not.toEqual(keys(first));
  });

  test("keeps marks and keys of the caller's own", async () => {
    const providerOptions = { openai: { promptCacheKey: "mine" } };
    const { served } = await ask({ api: "openai-responses", tool: { providerOptions } });
    expect(served.map(({ body }) => body.prompt_cache_key)).toEqual(["mine", "mine", "mine", "mine"]);
    const own = { anthropic: { cacheControl: { type: "ephemeral", ttl: "1h" } } };
    const prompt = () => [{ role: "user", content: words(3_000), providerOptions: own }] as any;
    const marked = await ask({ api: "anthropic", tool: { prompt } as any });
    expect(JSON.stringify(marked.served[1]?.body).match(/cache_control/g)).toHaveLength(1);
    expect(marked.served[1]?.cachedTokens).toBeGreaterThan(0);
  });

  test("waits for the whole answer where the server has no streams", async () => {
    const refuse = (body: any) =>
      body.stream ? { status: 400, body: { error: { message: "stream is not supported" } } } : undefined;
    const { served } = await ask({ api: "anthropic", server: { refuse } });
    expect(served.map(({ cachedTokens }) => cachedTokens > 0)).toEqual([false, true, true, true]);
  });

  test("is asked for without a key where the server does not know the key, and no call is lost", async () => {
    const refuse = ({ prompt_cache_key }: any) =>
      prompt_cache_key
        ? { status: 400, body: { error: { message: "Unrecognized request argument: prompt_cache_key" } } }
        : undefined;
    const { served, bundle, events } = await ask({ api: "openai-responses", server: { refuse } });
    expect(served).toHaveLength(4);
    expect(bundle.summary.validCount).toBe(4);
    expect(events.filter(({ type }) => type === "warning")).toEqual([]);
  });

  test("goes on with the other calls where the first one fails", async () => {
    let calls = 0;
    const refuse = () => (calls++ === 0 ? { status: 500, body: { error: { message: "no" } } } : undefined);
    const { served, bundle } = await ask({ api: "anthropic", server: { refuse } });
    expect(bundle.summary).toMatchObject({ validCount: 3, invalidCount: 1 });
    expect(served).toHaveLength(3);
  });
});

describe("nothing changes", () => {
  const bodies = (asked: Awaited<ReturnType<typeof ask>>) =>
    asked.served.map(({ body }) => JSON.stringify(body)).sort();
  const apis: CachingApi[] = ["openai-responses", "anthropic", "google"];

  test.each(apis)("for a short prompt to %s: requests are those of reuse: off, byte by byte", async (api) => {
    const toolOptions = { seeds: [1, 2, 3, 4] };
    const auto = await ask({ api, tokens: 300, toolOptions, options: { streaming: true } });
    const off = await ask({ api, tokens: 300, toolOptions, tool: { reuse: "off" }, options: { streaming: true } });
    expect(bodies(auto)).toEqual(bodies(off));
    expect(auto.bundle.meta).not.toHaveProperty("reuse");
  });

  test("below 4,096 tokens for a model whose cache takes no less", async () => {
    const { served } = await ask({ api: "anthropic", modelId: "claude-haiku-4-5" });
    expect(JSON.stringify(served)).not.toContain("cache_control");
    const long = await ask({ api: "anthropic", modelId: "claude-haiku-4-5", tokens: 6_000 });
    expect(JSON.stringify(long.served)).toContain("cache_control");
  });

  test('with reuse: "off"', async () => {
    const { served } = await ask({ api: "anthropic", tool: { reuse: "off" } });
    expect(served.map(({ cachedTokens, isStreaming }) => cachedTokens > 0 || isStreaming)).toEqual(
      Array(4).fill(false),
    );
    expect(JSON.stringify(served)).not.toContain("cache_control");
  });

  test("for a single answer, which would pay for the cache and not read from it", async () => {
    const { served } = await ask({ api: "anthropic", k: 1 });
    expect(JSON.stringify(served)).not.toContain("cache_control");
  });

  test("where a read from the cache costs what a prompt costs", async () => {
    const prices = { "gpt-5-mini": { inputPerMillion: 1, outputPerMillion: 2 } };
    const { served } = await ask({ api: "openai-responses", tool: { prices } });
    expect(JSON.stringify(served)).not.toContain("prompt_cache_key");
  });
});

describe("a budget in dollars", () => {
  test("sets aside the full price until a call has read from the cache, and then the price of that", async () => {
    const { events } = await ask({
      api: "anthropic",
      k: 3,
      tool: { maxOutputTokens: 1 },
      options: { budget: { costUsd: 1 }, maxParallel: 1 },
    });
    const reserved = events.flatMap((event) =>
      event.type === "budget_reserved" ? [event.reserved.costUsd as number] : [],
    );
    expect(reserved).toHaveLength(3);
    const [first = 0, second = 0, third = 0] = reserved;
    // The second one knows the real size of the prompt, and no hit yet.
    expect(second).toBeGreaterThan(first / 2);
    expect(third).toBeLessThan(second / 5);
  });
});
