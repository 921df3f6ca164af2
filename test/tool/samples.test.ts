import { describe, expect, test } from "vitest";
import {
  type EvidenceBundle,
  InvalidOptionsError,
  type OrchestrationEvent,
  PromptBundleTool,
  ReliableOrchestrator,
  unwrap,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { type CachingApi, type CachingServerOptions, startCachingServer } from "../support/caching-server.ts";

// What the vendors document:
// https://platform.openai.com/docs/api-reference/chat/create#chat-create-n
// https://ai.google.dev/api/generate-content#generationconfig (candidateCount, 8 at most)
// https://docs.mistral.ai/api/endpoint/chat (n)

interface Asked {
  readonly api?: CachingApi;
  readonly k?: number;
  readonly server?: CachingServerOptions;
  readonly tool?: object;
  readonly options?: object;
  readonly toolOptions?: object;
}

const prices = { costUsd: ({ usage }: any) => usage.inputTokens * 1e-6 + usage.outputTokens * 4e-6 };

async function ask({ api = "openai-chat", k = 5, server: given, tool: more, options, toolOptions }: Asked) {
  await using server = await startCachingServer({ answer: (number) => `answer ${number}`, ...given });
  const tool = new PromptBundleTool({
    name: "triage",
    model: server.model(api),
    prompt: "Is the door open?",
    ...more,
    defaultOptions: { k, stopping: "none" },
  });
  const events: OrchestrationEvent[] = [];
  const orchestrator = new ReliableOrchestrator({ prices, state: new ReliabilityState() });
  const run = (request: object) =>
    orchestrator.run({ tool, request, options, toolOptions, onEvent: (event: any) => events.push(event) } as any);
  const output = await run({});
  const { evidenceBundle } = unwrap(output as any) as { evidenceBundle: EvidenceBundle };
  return { served: [...server.served], output, bundle: evidenceBundle, events, server, run };
}

const sum = (figures: readonly (number | undefined)[]) => figures.reduce<number>((a, b = 0) => a + b, 0);

describe("several answers in one request", () => {
  test.each<[CachingApi, (body: any) => number]>([
    ["openai-chat", ({ n }) => n],
    ["vllm", ({ n }) => n],
    ["mistral", ({ n }) => n],
    ["google", ({ generationConfig }) => generationConfig.candidateCount],
  ])("%s is asked once for a wave, and each answer votes once", async (api, count) => {
    const { served, bundle, output } = await ask({ api });
    expect(served.map(({ body }) => count(body))).toEqual([5]);
    expect(bundle.replicates.map(({ data }) => data).sort()).toEqual([0, 1, 2, 3, 4].map((at) => `answer ${at}`));
    expect(bundle.replicates.map(({ id }) => id)).toEqual(["r1", "r2", "r3", "r4", "r5"]);
    expect(bundle.summary.validCount).toBe(5);
    const [{ promptTokens, outputTokens } = { promptTokens: 0, outputTokens: 0 }] = served;
    expect(output.usage).toMatchObject({ inputTokens: promptTokens, outputTokens, requests: 1 });
    expect(bundle.usageTotal).toMatchObject({ inputTokens: promptTokens, outputTokens, requests: 1 });
    expect(sum(bundle.replicates.map(({ usage }) => usage?.outputTokens))).toBe(outputTokens);
    expect(bundle.costTotalUsd).toBeCloseTo(output.costUsd as number, 12);
    expect(bundle.meta.reuse?.savedUsd).toBeCloseTo(4 * promptTokens * 1e-6, 12);
  });

  test("are sampled with one seed, and the bundle says which", async () => {
    const { served, bundle } = await ask({ toolOptions: { seeds: [11, 12, 13, 14, 15] } });
    expect(served[0]?.body.seed).toBe(11);
    expect(bundle.meta.seeds).toEqual([11, 11, 11, 11, 11]);
    expect(bundle.replicates.map(({ seed, callSeed }) => [seed, callSeed])).toEqual([
      [11, undefined],
      [12, 11],
      [13, 11],
      [14, 11],
      [15, 11],
    ]);
  });

  test("are as many as the next wave needs, and no more", async () => {
    const { served, bundle } = await ask({ k: 10, server: { answer: () => "yes" }, toolOptions: { stopping: "auto" } });
    expect(sum(served.map(({ body }) => body.n ?? 1))).toBe(bundle.replicates.length);
    expect(bundle.replicates.length).toBeLessThan(10);
  });

  test("are no more than maxParallel, and than the API takes", async () => {
    const few = await ask({ options: { maxParallel: 2 } });
    expect(few.served.map(({ body }) => body.n ?? 1)).toEqual([2, 2, 1]);
    const most = { maxParallel: 12 };
    const many = await ask({ api: "google", k: 12, options: most, toolOptions: most });
    expect(many.served.map(({ body }) => body.generationConfig.candidateCount ?? 1)).toEqual([8, 4]);
  });
});

describe("a server without several answers", () => {
  test("is found out by the first request, and nothing is lost", async () => {
    const state = new ReliabilityState();
    await using server = await startCachingServer({ takesSamples: false, answer: (number) => `answer ${number}` });
    const defaultOptions = { k: 3, stopping: "none" } as const;
    const tool = new PromptBundleTool({ name: "t", model: server.model("vllm"), prompt: "{{a}}", defaultOptions });
    const orchestrator = new ReliableOrchestrator({ state });
    for (const a of ["x", "y"]) {
      const output = unwrap(await orchestrator.run({ tool, request: { a } }));
      expect(new Set(output.evidenceBundle.replicates.map(({ data }) => data)).size).toBe(3);
    }
    expect(server.served.map(({ body }) => body.n)).toEqual([3, ...Array(5).fill(undefined)]);
  });

  test.each([
    "Only n=1 is supported",
    "'n': number must be at most 1 with this model",
    "Unsupported parameter: n",
    "Multiple candidates is not enabled for this model",
  ])("is asked for one answer at a time after it has refused: %s", async (message) => {
    const refuse = (body: any) =>
      body.n || body.generationConfig?.candidateCount
        ? { status: 400, body: { error: { message, code: 400, status: "INVALID_ARGUMENT" } } }
        : undefined;
    const { served, bundle, events } = await ask({
      api: message.includes("candidates") ? "google" : "vllm",
      server: { refuse },
    });
    expect(served).toHaveLength(5);
    expect(bundle.summary.validCount).toBe(5);
    expect(events.filter(({ type }) => type === "warning")).toEqual([]);
  });

  test.each([
    ["that names how many it takes", "n must be at most 8", [20, 8, 8, 4], [5, 5]],
    ["that does not say", "n is out of range", [20, 10, 5, 5, 5, 5], [5, 5]],
  ])("%s is asked for fewer at a time, and remembered so", async (_, message, first, second) => {
    const asked: number[] = [];
    const refuse = ({ n = 1 }: any) => {
      asked.push(n);
      return n > 8 ? { status: 400, body: { error: { message } } } : undefined;
    };
    await using server = await startCachingServer({ answer: (number) => `answer ${number}`, refuse });
    const many = { k: 20, stopping: "none", maxParallel: 20 } as const;
    const tool = new PromptBundleTool({
      name: "t",
      model: server.model("vllm"),
      prompt: "{{a}}",
      defaultOptions: many,
    });
    const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
    const options = { maxParallel: 20 };
    const run = async (a: string, k: number) =>
      unwrap(await orchestrator.run({ tool, request: { a }, options, toolOptions: { k } })).evidenceBundle;
    expect(new Set((await run("x", 20)).replicates.map(({ data }) => data)).size).toBe(20);
    expect(asked).toEqual(first);
    asked.length = 0;
    expect((await run("y", 10)).summary.validCount).toBe(10);
    expect(asked).toEqual(message.includes("8") ? [8, 2] : second);
  });

  test.each<[CachingApi]>([["anthropic"], ["openai-responses"]])("%s is never asked for several", async (api) => {
    const { served } = await ask({ api });
    expect(served).toHaveLength(5);
    expect(JSON.stringify(served)).not.toMatch(/"n":|candidateCount/);
  });
});

describe("one answer of several", () => {
  const schema = { type: "object", properties: { yes: { type: "boolean" } }, required: ["yes"] } as const;

  test("that does not fit the schema is corrected alone, and the others stand", async () => {
    const answer = (number: number) => (number === 1 || number === 3 ? '{"yes":"perhaps"}' : '{"yes":true}');
    const { served, bundle, output } = await ask({ k: 3, tool: { schema }, server: { answer } });
    // The second answer, and then its correction, which fails once more.
    expect(served.map(({ body }) => body.n ?? 1)).toEqual([3, 1]);
    expect(bundle.replicates.map(({ valid }) => valid)).toEqual([true, false, true]);
    expect(JSON.stringify(served[1]?.body.messages)).toContain("perhaps");
    expect(bundle.usageTotal.totalTokens).toBe(output.usage.totalTokens);
  });

  test("that is the first one and does not fit is corrected alone", async () => {
    const answer = (number: number) => (number === 0 ? '{"yes":"perhaps"}' : '{"yes":true}');
    const { served, bundle, output } = await ask({ k: 3, tool: { schema }, server: { answer } });
    expect(served.map(({ body }) => body.n ?? 1)).toEqual([3, 1]);
    expect(bundle.summary.validCount).toBe(3);
    expect(bundle.usageTotal.totalTokens).toBe(output.usage.totalTokens);
    expect(bundle.costTotalUsd).toBeCloseTo(output.costUsd as number, 12);
  });
});

describe("a budget", () => {
  test("is kept before the request: it asks for as many answers as fit", async () => {
    const { served, output, bundle } = await ask({
      k: 5,
      tool: { maxOutputTokens: 100 },
      options: { budget: { tokens: 340 } },
    });
    expect(served[0]?.body.n).toBe(3);
    expect(output.usage.totalTokens).toBeLessThanOrEqual(340);
    expect(bundle.replicates.length).toBeGreaterThanOrEqual(3);
  });

  test("of each single answer is one for a request of its own", async () => {
    const { served } = await ask({ k: 3, toolOptions: { perReplicateBudget: { tokens: 5_000 } } });
    expect(served.map(({ body }) => body.n)).toEqual([undefined, undefined, undefined]);
  });
});

describe("nothing changes", () => {
  test('with reuse: "off", and where deltas are shown', async () => {
    const off = await ask({ k: 3, tool: { reuse: "off" } });
    expect(off.served.map(({ body }) => body.n)).toEqual([undefined, undefined, undefined]);
    const streamed = await ask({ k: 3, options: { streaming: true } });
    expect(streamed.served.map(({ body }) => body.n)).toEqual([undefined, undefined, undefined]);
  });
});

test("answers that a store has are not asked for with the others", async () => {
  const store = new MemoryStore();
  await using server = await startCachingServer({ answer: (number) => `answer ${number}` });
  const model = server.model("openai-chat");
  const tool = new PromptBundleTool({ name: "t", model, prompt: "p", defaultOptions: { k: 3, stopping: "none" } });
  const orchestrator = new ReliableOrchestrator({ store, state: new ReliabilityState() });
  const bundles = [];
  for (const k of [3, 5, 10, 10]) {
    const output = unwrap(await orchestrator.run({ tool, request: {}, toolOptions: { k } }));
    bundles.push(output.evidenceBundle);
  }
  expect(server.served.map(({ body }) => body.n)).toEqual([3, 2, 5]);
  expect(new Set(bundles[3]?.replicates.map(({ data }) => data)).size).toBe(10);
  expect(bundles[3]?.costTotalUsd).toBe(0);
});

test.each([
  ["openai", "n"],
  ["google", "candidateCount"],
])("providerOptions.%s.%s is refused: it is done already", (provider, name) => {
  const make = () =>
    new PromptBundleTool({ name: "t", model: "openai:m", prompt: "p", providerOptions: { [provider]: { [name]: 3 } } });
  expect(make).toThrow(InvalidOptionsError);
  expect(make).toThrow(/is done already: a bundle asks for several answers in one request/);
});

const schemaOfYes = { type: "object", properties: { yes: { type: "boolean" } }, required: ["yes"] } as const;

describe("a body of several answers", () => {
  test("with fewer of them than were asked for leaves the rest to requests of their own", async () => {
    const reshape = (body: any, { n = 1 }: any) => (n > 1 ? { ...body, choices: body.choices.slice(0, 2) } : undefined);
    const { served, bundle, output } = await ask({ server: { reshape } });
    expect(served.map(({ body }) => body.n ?? 1)).toEqual([5, 1, 1, 1]);
    expect(bundle.summary.validCount).toBe(5);
    expect(new Set(bundle.replicates.map(({ data }) => data)).size).toBe(5);
    expect(bundle.usageTotal.totalTokens).toBe(output.usage.totalTokens);
  });

  test("with more of them than were asked for gives each replicate one, and counts all of it", async () => {
    const more = { index: 9, message: { role: "assistant", content: "one too many" }, finish_reason: "stop" };
    const reshape = (body: any) => ({ ...body, choices: [...body.choices, more] });
    const { served, bundle, output } = await ask({ server: { reshape } });
    expect(served).toHaveLength(1);
    expect(bundle.replicates.map(({ data }) => data)).not.toContain("one too many");
    expect(output.usage.outputTokens).toBe(served[0]?.outputTokens);
    expect(bundle.usageTotal.totalTokens).toBe(output.usage.totalTokens);
  });

  test.each([0, 2])("keeps the others where answer %i is withheld, cut off, or empty", async (at) => {
    for (const change of [
      { finish_reason: "content_filter" },
      { finish_reason: "length", message: { role: "assistant", content: '{"ye' } },
      { message: { role: "assistant", content: null } },
      { message: { role: "assistant", content: "" } },
      { message: { role: "assistant", content: null, refusal: "I cannot help with that" } },
    ]) {
      const reshape = (body: any, { n = 1 }: any) =>
        n === 1
          ? undefined
          : {
              ...body,
              choices: body.choices.map((each: any, i: number) => (i === at ? { ...each, ...change } : each)),
            };
      const answer = () => '{"yes":true}';
      const { served, bundle, output } = await ask({
        k: 4,
        tool: { schema: schemaOfYes },
        server: { answer, reshape },
      });
      // The one that cannot be used may be asked for again, alone.
      const asked = served.map(({ body }) => body.n ?? 1);
      expect([[4], [4, 1]], JSON.stringify(change)).toContainEqual(asked);
      expect(bundle.summary.validCount).toBeGreaterThanOrEqual(3);
      expect(bundle.usageTotal.totalTokens).toBe(output.usage.totalTokens);
    }
  });

  test("without usage counts by an estimate of all answers", async () => {
    const answer = (number: number) => `answer ${number} ${"long ".repeat(20)}`;
    const reshape = ({ usage: _, ...body }: any) => body;
    const { served, bundle, output } = await ask({ server: { answer, reshape } });
    const bytes = served[0]?.answers.join("").length as number;
    expect(output.usage).toMatchObject({ estimated: true, requests: 1 });
    expect(output.usage.outputTokens).toBeGreaterThanOrEqual(bytes / 4);
    expect(bundle.usageTotal.totalTokens).toBe(output.usage.totalTokens);
  });

  test("that its package cannot read gives its answers all the same", async () => {
    const reshape = (body: any) => ({ ...body, usage: { ...body.usage, total_tokens: "many" } });
    const { served, bundle } = await ask({ server: { reshape } });
    expect(served.map(({ body }) => body.n)).toEqual([5]);
    expect(bundle.summary.validCount).toBe(5);
  });

  test("may be as long as all of them together", async () => {
    const { served, bundle } = await ask({
      k: 12,
      tool: { maxOutputTokens: 10 },
      options: { maxParallel: 12 },
      toolOptions: { maxParallel: 12 },
      server: { answer: () => "word ".repeat(20_000) },
    });
    expect(served.map(({ body }) => body.n)).toEqual([12]);
    expect(bundle.summary.validCount).toBe(12);
  });
});

test("a run that is aborted amid a request for several answers counts what they may have used", async () => {
  await using server = await startCachingServer({ answerMs: 60_000 });
  const model = server.model("openai-chat");
  const defaultOptions = { k: 4, stopping: "none" } as const;
  const tool = new PromptBundleTool({ name: "t", model, prompt: "p", maxOutputTokens: 100, defaultOptions });
  const abort = new AbortController();
  const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
  const running = orchestrator.run({ tool, request: {}, signal: abort.signal });
  while (server.served.length === 0) await new Promise((resolve) => setImmediate(resolve));
  abort.abort();
  const error = await running.catch((thrown: any) => thrown);
  expect(server.served.map(({ body }) => body.n)).toEqual([4]);
  expect(error.partial.usage).toMatchObject({ outputTokens: 400, estimated: true, requests: 1 });
});
