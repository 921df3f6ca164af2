import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { createOpenAI } from "@ai-sdk/openai";
import { describe, expect, test, vi } from "vitest";
import { type EvidenceBundle, PromptBundleTool, ReliableOrchestrator, type Usage, unwrap } from "../../src/index.ts";
import { type BatchAccess, batchedModel } from "../../src/provider/batched-model.ts";
import { defaultPrices } from "../../src/provider/prices.ts";
import { resolveModel } from "../../src/provider/resolve.ts";
import { addressOf } from "../../src/tool/prompt/prompt-identity.ts";
import { createFolder } from "../cli/steer.ts";
import { type BatchApi, type BatchServer, fastClock, startBatchServer } from "../support/batch-server.ts";

const modelIds = { openai: "gpt-5-mini", anthropic: "claude-sonnet-4-5" } as const;
const schema = { type: "object", properties: { yes: { type: "boolean" } }, required: ["yes"] } as const;

function modelOn(server: BatchServer, api: BatchApi, access: BatchAccess = {}) {
  const provider = server.provider(api);
  return batchedModel(provider(modelIds[api]), provider, fastClock(), access);
}

/** Asks K questions for each input, all inputs at once. */
async function askAll(
  model: any,
  inputs: readonly string[],
  more: { toolOptions?: object; signal?: AbortSignal } = {},
) {
  const tool = new PromptBundleTool({
    name: "triage",
    model,
    prompt: "Is it open? {{report}}",
    schema,
    defaultOptions: { k: 3, stopping: "none", ...more.toolOptions },
  });
  const orchestrator = new ReliableOrchestrator({ calibrations: "off" });
  return Promise.all(
    inputs.map(async (report) => {
      const output = await orchestrator.run({ tool, request: { report }, signal: more.signal });
      return unwrap(output).evidenceBundle as EvidenceBundle;
    }),
  );
}

const inputs = ["a", "b", "c"];
const yes = () => '{"yes":true}';

describe.each<BatchApi>(["openai", "anthropic"])("a model in batches of %s", (api) => {
  test("sends the replicates of all inputs in one batch, and pays half of the price list", async () => {
    await using server = await startBatchServer({ answer: yes, promptTokens: 10_000 });
    const bundles = await askAll(modelOn(server, api), inputs);
    expect(server.batches.map(({ requests }) => requests.length)).toEqual([9]);
    expect(server.billed).toHaveLength(9);
    for (const { summary } of bundles) expect(summary).toMatchObject({ consensus: { yes: true }, validCount: 3 });
    const prices = await defaultPrices();
    const provider = api === "openai" ? "openai.responses" : "anthropic.messages";
    for (const { usage, costUsd } of bundles.flatMap(({ replicates }) => replicates)) {
      expect(usage).toMatchObject({ inputTokens: 10_000, outputTokens: 10 });
      const full = prices.costUsd({ provider, modelId: modelIds[api], usage: usage as Usage });
      expect(costUsd).toBeCloseTo((full as number) / 2, 10);
    }
  });

  test("gives each replicate its own answer, in whatever order they come", async () => {
    const reportOf = (body: any) => /open\? (\w)/.exec(JSON.stringify(body))?.[1];
    const answer = (_: number, body: any) => JSON.stringify({ yes: reportOf(body) === "b" });
    await using server = await startBatchServer({ answer, isReversed: true });
    const bundles = await askAll(modelOn(server, api), inputs);
    expect(bundles.map(({ summary }) => (summary.consensus as any).yes)).toEqual([false, true, false]);
  });

  test("asks again for what expired, and for what the server could not do, and for nothing else", async () => {
    const failing = {
      status: 529,
      body: api === "openai" ? { error: { message: "busy" } } : { type: "overloaded_error", message: "busy" },
    };
    let left = 2;
    const end = (_: any, batch: number) => (batch === 0 && left-- > 0 ? (left === 1 ? "expired" : failing) : undefined);
    await using server = await startBatchServer({ answer: yes, end: end as any });
    const bundles = await askAll(modelOn(server, api), inputs);
    expect(server.batches.map(({ requests }) => requests.length)).toEqual([9, 2]);
    expect(server.billed).toHaveLength(9);
    for (const { summary } of bundles) expect(summary.validCount).toBe(3);
  });

  test("fails a replicate that the server refuses, with the server's words, and keeps the others", async () => {
    const error = { type: "invalid_request_error", message: "the text is too odd" };
    const body = api === "openai" ? { error } : error;
    let isFirst = true;
    const end = () => {
      const refused = isFirst ? { status: 400, body } : undefined;
      isFirst = false;
      return refused;
    };
    await using server = await startBatchServer({ answer: yes, end });
    const [bundle] = await askAll(modelOn(server, api), ["a"]);
    expect(bundle?.replicates.map(({ valid }) => valid)).toEqual([false, true, true]);
    expect(JSON.stringify(bundle?.replicates[0]?.quality)).toContain("the text is too odd");
    expect(server.batches).toHaveLength(1);
  });

  test("asks no further for what was cancelled at the provider's", async () => {
    await using server = await startBatchServer({ answer: yes, end: () => "cancelled" });
    await expect(askAll(modelOn(server, api), ["a"])).rejects.toThrow(/cancel|completion window/);
    expect(server.batches).toHaveLength(1);
  });

  test("corrects an answer that does not fit in the next batch", async () => {
    const answer = (number: number) => (number === 0 ? '{"yes":"perhaps"}' : '{"yes":true}');
    await using server = await startBatchServer({ answer });
    const bundles = await askAll(modelOn(server, api), inputs);
    expect(server.batches.map(({ requests }) => requests.length)).toEqual([9, 1]);
    for (const { summary } of bundles) expect(summary.validCount).toBe(3);
  });

  test("lets the stopping rule decide the next batch", async () => {
    const reportOf = (body: any) => /open\? (\w)/.exec(JSON.stringify(body))?.[1];
    const answer = (number: number, body: any) => JSON.stringify({ yes: reportOf(body) !== "b" || number % 2 === 0 });
    await using server = await startBatchServer({ answer });
    const bundles = await askAll(modelOn(server, api), inputs, { toolOptions: { k: 5, stopping: "auto" } });
    const sizes = server.batches.map(({ requests }) => requests.length);
    expect(sizes[0]).toBeLessThan(15);
    expect(sizes.length).toBeGreaterThan(1);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(
      bundles.reduce((sum, { replicates }) => sum + replicates.length, 0),
    );
  });

  test.each(["upload", "create", "look", "read"])(
    "waits for a server that fails at %s, and pays once",
    async (step) => {
      if (api === "anthropic" && step === "upload") return;
      const refuse = (each: string, count: number) =>
        each === step && count <= 2 ? { status: 503, body: {} } : undefined;
      await using server = await startBatchServer({ answer: yes, refuse });
      await askAll(modelOn(server, api), inputs);
      expect(server.billed).toHaveLength(9);
    },
  );

  test("finds a batch that the server took before its connection broke", async () => {
    let isBroken = false;
    const onStep = (step: string, isDone: boolean) => {
      if (step !== "create" || !isDone || isBroken) return undefined;
      isBroken = true;
      return "break" as const;
    };
    await using server = await startBatchServer({ answer: yes, onStep });
    await askAll(modelOn(server, api), inputs);
    expect(server.batches).toHaveLength(1);
    expect(server.billed).toHaveLength(9);
    expect(server.steps).toContain("list");
  });
});

describe("a batch as its vendor documents it", () => {
  // https://developers.openai.com/api/docs/guides/batch, "Preparing your batch file" and "Creating the batch".
  test("is a file of lines with an id, a method, an address and a body at OpenAI's, and names its window", async () => {
    await using server = await startBatchServer({ answer: yes });
    await askAll(modelOn(server, "openai"), ["a"]);
    const [upload, create] = server.bodies;
    expect(upload).toMatchObject({ step: "upload", body: { purpose: "batch" } });
    expect(create?.body).toEqual({ input_file_id: "file-1", endpoint: "/v1/responses", completion_window: "24h" });
    const lines = server.batches[0]?.requests.map(({ line }) => line) ?? [];
    for (const line of lines) {
      expect(Object.keys(line).sort()).toEqual(["body", "custom_id", "method", "url"]);
      expect(line).toMatchObject({ method: "POST", url: "/v1/responses", body: { model: "gpt-5-mini" } });
      expect(line.body).toMatchObject({ text: { format: { type: "json_schema" } } });
      expect(line.body).not.toHaveProperty("stream");
    }
    expect(new Set(lines.map(({ custom_id }) => custom_id)).size).toBe(3);
  });

  // https://platform.claude.com/docs/en/build-with-claude/batch-processing, "Prepare and create your batch".
  test("is a list of ids and parameters at Anthropic's", async () => {
    await using server = await startBatchServer({ answer: yes });
    await askAll(modelOn(server, "anthropic"), ["a"]);
    expect(server.bodies[0]?.headers).toHaveProperty("anthropic-version");
    const lines = server.batches[0]?.requests.map(({ line }) => line) ?? [];
    for (const line of lines) {
      expect(Object.keys(line).sort()).toEqual(["custom_id", "params"]);
      expect(line.custom_id).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
      expect(line.params).toMatchObject({ model: "claude-sonnet-4-5", max_tokens: expect.any(Number) });
      expect(line.params).not.toHaveProperty("stream");
    }
  });

  // https://developers.openai.com/api/docs/guides/batch, "Rate limits": an account has so many tokens in batches at once.
  test("is sent in halves where the account does not take so much at once", async () => {
    const fail = (_: number, size: number) =>
      size > 3 ? { code: "token_limit_exceeded", message: "Enqueued token limit" } : undefined;
    await using server = await startBatchServer({ answer: yes, fail });
    const bundles = await askAll(modelOn(server, "openai"), inputs);
    expect(Math.max(...server.batches.slice(-3).map(({ requests }) => requests.length))).toBeLessThanOrEqual(3);
    expect(server.billed).toHaveLength(9);
    for (const { summary } of bundles) expect(summary.validCount).toBe(3);
  });

  test("is given up where no server is there at all", async () => {
    await using server = await startBatchServer();
    const provider = server.provider("openai");
    await server[Symbol.asyncDispose]();
    const late: string[] = [];
    const onLate = (message: string) => late.push(message);
    const model = batchedModel(provider("gpt-5-mini"), provider, fastClock(), { onLate });
    const prompt = [{ role: "user", content: [{ type: "text", text: "Is it open?" }] }];
    await expect(Promise.resolve(model.doGenerate({ prompt }))).rejects.toThrow("ECONNREFUSED");
    expect(late[0]).toMatch(/^No batch could be sent: /);
  });

  test("fails with the provider's words where it is refused as a whole", async () => {
    const fail = () => ({ code: "model_not_found", message: "The provided model 'gpt-5-mini' is not supported" });
    await using server = await startBatchServer({ answer: yes, fail });
    await expect(askAll(modelOn(server, "openai"), ["a"])).rejects.toThrow("is not supported");
  });

  test("names the schema in words where the package cannot ask for one in a batch", async () => {
    await using server = await startBatchServer({ answer: yes });
    const provider = server.provider("anthropic");
    const model = batchedModel(provider("claude-3-haiku-20240307"), provider, fastClock());
    const [bundle] = await askAll(model, ["a"]);
    expect(bundle?.summary).toMatchObject({ consensus: { yes: true }, validCount: 3 });
    expect(JSON.stringify(server.billed[0]?.body)).toContain("valid against this JSON schema");
    expect(server.billed).toHaveLength(3);
  });

  test("is not asked again by calls that abort, and leaves their answers to later ones", async () => {
    await using server = await startBatchServer({ answer: yes, looks: 20 });
    const model = modelOn(server, "openai");
    const abort = new AbortController();
    const first = askAll(model, ["a"], { signal: abort.signal });
    first.catch(() => {});
    while (!server.steps.includes("look")) await new Promise((resolve) => setImmediate(resolve));
    abort.abort(new Error("enough"));
    await expect(first).rejects.toThrow();
    const looks = server.steps.length;
    expect((await askAll(model, ["a"]))[0]?.summary.validCount).toBe(3);
    expect(server.steps.length).toBeGreaterThan(looks);
    expect(server.batches).toHaveLength(1);
  });

  test("keeps two servers with models of one name apart", async () => {
    const model = (baseURL: string) => {
      const provider = createOpenAI({ baseURL, apiKey: "k" }) as any;
      return batchedModel(provider("gpt-5-mini"), provider, fastClock());
    };
    expect(addressOf(model("http://one.test/v1"))).not.toBe(addressOf(model("http://two.test/v1")));
  });
});

describe("a model that is named batch:…", () => {
  test("needs a provider whose package has batches, and says what to do", async () => {
    await expect(resolveModel("batch:gpt-5-mini")).rejects.toThrow('"batch:openai:gpt-5-mini"');
    await expect(resolveModel("batch:recorded:a.jsonl")).rejects.toThrow('"batch:" before a model of a provider');
    vi.stubEnv("MISTRAL_API_KEY", "k");
    await expect(resolveModel("batch:mistral:mistral-small-latest")).rejects.toThrow(/@ai-sdk\/mistral has no batches/);
    vi.unstubAllEnvs();
  });

  test("is asked in batches", async () => {
    vi.stubEnv("A_KEY", "k");
    await using server = await startBatchServer({ answer: yes, looks: 0 });
    const access = { baseUrl: `${server.origin}/openai/v1`, apiKeyEnv: "A_KEY", clock: fastClock() };
    const model = await resolveModel("batch:openai:gpt-5-mini", access);
    expect(model).toMatchObject({ provider: "openai.batch", modelId: "gpt-5-mini" });
    const [bundle] = await askAll(model, ["a"]);
    expect(bundle?.summary.validCount).toBe(3);
    expect(server.steps).not.toContain("other");
    vi.unstubAllEnvs();
  });
});

describe.each<BatchApi>(["openai", "anthropic"])("a job in batches of %s", (api) => {
  test("that is killed at any of its requests goes on, and pays for each answer once", async () => {
    const folder = createFolder();
    // One answer does not fit, so that there are two batches.
    const answer = (number: number) => (number === 0 ? '{"yes":"perhaps"}' : '{"yes":true}');
    let deaths = 0;
    for (let passing = 1, hasDied = true; hasDied; passing++) {
      for (const isAfter of [false, true]) {
        hasDied = false;
        const journalPath = join(folder, `${passing}-${isAfter}`);
        const abort = new AbortController();
        let requests = 0;
        const onStep = (_: string, isDone: boolean) => {
          if (hasDied) return undefined;
          if (!isDone) requests++;
          if (requests !== passing || isDone !== isAfter) return undefined;
          hasDied = true;
          // The journal as the process leaves it behind.
          if (existsSync(journalPath)) copyFileSync(journalPath, `${journalPath}-left`);
          abort.abort(new Error("killed"));
          return "break" as const;
        };
        await using server = await startBatchServer({ answer, onStep });
        const first = askAll(modelOn(server, api, { journalPath }), inputs, { signal: abort.signal });
        const isKilled = await first.then(
          () => false,
          () => true,
        );
        expect(isKilled).toBe(hasDied);
        if (!hasDied) continue;
        deaths++;
        const bundles = await askAll(modelOn(server, api, { journalPath: `${journalPath}-left` }), inputs);
        const told = `killed ${isAfter ? "after" : "before"} request ${passing} (${server.steps[passing - 1]})`;
        expect([told, server.billed.length]).toEqual([told, 10]);
        for (const { summary } of bundles) expect([told, summary.validCount]).toEqual([told, 3]);
      }
    }
    expect(deaths).toBeGreaterThan(10);
  });
});
