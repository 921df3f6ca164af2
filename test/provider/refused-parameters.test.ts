import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  type OrchestrationEvent,
  Orchestrator,
  PromptBundleTool,
  type PromptBundleToolOptions,
  ReliableOrchestrator,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { type Api, type Reply, type ScriptedServer, type Seen, startServer } from "../support/vendor-server.ts";

interface Ask {
  readonly api: Api;
  readonly modelId?: string;
  readonly tool?: Partial<PromptBundleToolOptions<string, any, string>>;
  readonly k?: number;
  readonly options?: { budget?: { tokens?: number }; streaming?: boolean };
  readonly state?: ReliabilityState;
}

async function ask(server: ScriptedServer, { api, modelId, tool: more, k = 1, options, state }: Ask) {
  const model = server.model(api, modelId);
  const tool = new PromptBundleTool({ name: "t", model, prompt: "How much?", ...more, defaultOptions: { k } });
  const events: OrchestrationEvent[] = [];
  const orchestrator = new ReliableOrchestrator({ state: state ?? new ReliabilityState() });
  const output = await orchestrator.run({ tool, request: good, options, onEvent: (event) => events.push(event) });
  const warnings = events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
  return { output, events, warnings, bundle: output.content?.evidenceBundle as any };
}

const openai = (message: string, param: string | null = null, code: string | null = "unsupported_parameter") => ({
  error: { message, type: "invalid_request_error", param, code },
});
const schema = z.object({ amountUsd: z.number() });
const good: Reply = {};
const answer = { text: '{"amountUsd": 1250}' };

/** Refusals of vendors whose words differ from each other. */
const refusals: [string, Ask, (seen: Seen) => Reply, (last: Seen) => unknown, unknown][] = [
  [
    "a seed that FastAPI forbids",
    { api: "openai-compatible" },
    ({ body }) =>
      "seed" in body
        ? {
            status: 422,
            body: {
              detail: [
                { type: "extra_forbidden", loc: ["body", "seed"], msg: "Extra inputs are not permitted", input: 1 },
              ],
            },
          }
        : good,
    ({ body }) => body.seed,
    undefined,
  ],
  [
    "a seed under another name",
    { api: "mistral" },
    ({ body }) =>
      "random_seed" in body
        ? { status: 400, body: { message: "Unrecognized request argument supplied: random_seed" } }
        : good,
    ({ body }) => body.random_seed,
    undefined,
  ],
  [
    "a temperature that the model has none of",
    { api: "openai-compatible", tool: { temperature: 0.2 } },
    ({ body }) =>
      "temperature" in body
        ? {
            status: 400,
            body: openai(
              "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.",
              "temperature",
              "unsupported_value",
            ),
          }
        : good,
    ({ body }) => body.temperature,
    undefined,
  ],
  [
    "a temperature that is deprecated",
    { api: "anthropic", modelId: "claude-next", tool: { temperature: 0.2 } },
    ({ body }) =>
      "temperature" in body
        ? {
            status: 400,
            body: {
              type: "error",
              error: { type: "invalid_request_error", message: "`temperature` is deprecated for this model." },
            },
          }
        : good,
    ({ body }) => body.temperature,
    undefined,
  ],
  [
    "a temperature that has to be 1",
    { api: "openai-compatible", tool: { temperature: 0.2 } },
    ({ body }) =>
      "temperature" in body
        ? { status: 400, body: openai("Invalid request: temperature must be 1 for this model", "temperature") }
        : good,
    ({ body }) => body.temperature,
    undefined,
  ],
  [
    "max_tokens, which the server calls max_completion_tokens",
    { api: "openai-compatible", tool: { maxOutputTokens: 300 } },
    ({ body }) =>
      "max_tokens" in body
        ? {
            status: 400,
            body: openai(
              "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
              "max_tokens",
            ),
          }
        : good,
    ({ body }) => body.max_completion_tokens,
    300,
  ],
  [
    "the same of a chat model whose name its package does not know",
    { api: "openai-chat", modelId: "next", tool: { maxOutputTokens: 300 } },
    ({ body }) =>
      "max_tokens" in body
        ? {
            status: 400,
            body: openai(
              "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
              "max_tokens",
            ),
          }
        : good,
    ({ body }) => body.max_completion_tokens,
    300,
  ],
  [
    "a limit of the answer by any name",
    { api: "openai-compatible", tool: { maxOutputTokens: 300 } },
    ({ limit }) =>
      limit ? { status: 400, body: openai("Unknown parameter: max_completion_tokens / max_tokens") } : good,
    ({ limit }) => limit,
    undefined,
  ],
  [
    "a JSON schema",
    { api: "openai-compatible", tool: { schema } },
    ({ body }) =>
      body.response_format ? { status: 400, body: { error: "response_format is not implemented" } } : answer,
    ({ body }) => /JSON schema/.test(JSON.stringify(body.messages)),
    true,
  ],
  [
    "a JSON schema in the Responses API",
    { api: "openai-responses", tool: { schema } },
    ({ body }) =>
      body.text?.format
        ? {
            status: 400,
            body: openai(
              "Invalid parameter: 'text.format' of type 'json_schema' is not supported with this model.",
              "text.format",
              null,
            ),
          }
        : answer,
    ({ body }) => /JSON schema/.test(JSON.stringify(body.input)),
    true,
  ],
  [
    "a JSON schema of Gemini's",
    { api: "google", tool: { schema } },
    ({ body }) =>
      (body.generationConfig?.responseSchema ?? body.generationConfig?.responseJsonSchema)
        ? {
            status: 400,
            body: {
              error: {
                code: 400,
                message: "The specified schema produces a constraint that has too many states for serving.",
                status: "INVALID_ARGUMENT",
              },
            },
          }
        : answer,
    ({ body }) => /JSON schema/.test(JSON.stringify(body)),
    true,
  ],
  [
    "the strict mode of a schema",
    { api: "openai-chat", tool: { schema } },
    ({ body }) =>
      body.response_format?.json_schema?.strict
        ? {
            status: 400,
            body: openai(
              "Invalid schema for response_format 'response': 'uri' is not a valid format.",
              "response_format",
              null,
            ),
          }
        : answer,
    ({ body }) => body.response_format?.json_schema?.strict,
    false,
  ],
  [
    "the options of a stream",
    { api: "openai-compatible", options: { streaming: true } },
    ({ body }) =>
      body.stream_options ? { status: 400, body: { detail: "Unrecognized field: stream_options" } } : good,
    ({ isStreaming }) => isStreaming,
    false,
  ],
];

describe.each(refusals)("a server that refuses %s", (_, given, reply, observe, expected) => {
  test("is asked once more in another way, which counts as neither a retry nor a failure, and a warning says so", async () => {
    await using server = await startServer(reply);
    const { output, events, warnings, bundle } = await ask(server, given);
    expect(output.status).toBe("completed");
    expect(observe(server.seen.at(-1) as Seen)).toBe(expected);
    expect(warnings.filter((message) => /does not take/.test(message)).length).toBe(server.seen.length - 1);
    expect(events.some(({ type }) => type === "retry_scheduled" || type === "circuit_opened")).toBe(false);
    expect(bundle.replicates[0]).toMatchObject({ valid: true, attempts: 1, usage: { requests: 1 } });
  });

  test("is asked so at once by later runs of the process", async () => {
    await using server = await startServer(reply);
    const state = new ReliabilityState();
    await ask(server, { ...given, state });
    const before = server.seen.length;
    const { output, warnings } = await ask(server, { ...given, state, k: 2 });
    expect(output.status).toBe("completed");
    expect(server.seen.length).toBe(before + 2);
    expect(warnings.filter((message) => /does not take/.test(message))).toEqual([]);
  });
});

test("a replicate says that it was asked for without its seed", async () => {
  await using server = await startServer(({ body }) =>
    "seed" in body ? { status: 400, body: openai("Unsupported parameter: 'seed'", "seed") } : good,
  );
  const { bundle } = await ask(server, { api: "openai-compatible" });
  expect(bundle.replicates[0].quality.warnings).toEqual(["the server does not take seed"]);
});

test("several parameters are given up one by one", async () => {
  await using server = await startServer(({ body }) => {
    const given = ["seed", "temperature", "response_format"].filter((name) => name in body);
    return given.length > 0
      ? {
          status: 400,
          body: openai(`litellm.UnsupportedParamsError: bedrock does not support parameters: ${JSON.stringify(given)}`),
        }
      : answer;
  });
  const { output } = await ask(server, { api: "openai-compatible", tool: { schema, temperature: 1 } });
  expect(output.status).toBe("completed");
  expect(server.seen.length).toBe(4);
});

test("a run without shared state learns it too", async () => {
  await using server = await startServer(({ body }) =>
    "seed" in body ? { status: 400, body: openai("Unsupported parameter: 'seed'", "seed") } : good,
  );
  const model = server.model("openai-compatible");
  const tool = new PromptBundleTool({ name: "t", model, prompt: "x", defaultOptions: { k: 3, maxParallel: 1 } });
  expect(await new Orchestrator().run({ tool, request: {} })).toMatchObject({ status: "completed" });
  expect(server.seen.filter(({ body }) => "seed" in body).length).toBe(1);
});

/** How servers word a limit that is too large, and the longest answer that they mean. `{asked}`: what was sent. */
const capWords: [string, number][] = [
  [
    "max_tokens is too large: {asked}. This model supports at most 16384 completion tokens, whereas you provided {asked}.",
    16_384,
  ],
  [
    "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the `context_window`",
    8_192,
  ],
  ["Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8_192],
  ["maxOutputTokens value of {asked} but the supported range is from 1 (inclusive) to 8193 (exclusive).", 8_192],
  [
    "The maximum tokens you requested exceeds the model limit of 4,096. Try again with a maximum tokens value that is lower than 4,096.",
    4_096,
  ],
  [
    "too many tokens: max tokens must be less than or equal to 4096, the maximum output for this model - received {asked}.",
    4_096,
  ],
  ["Input should be less than or equal to 4096: max_tokens", 4_096],
  ["Requested max_completion_tokens {asked} for model gpt-4o-2024-08-06 is larger than 16384", 16_384],
];

test.each(capWords)("a limit that the budget set gives way to the model's own: %s", async (words, cap) => {
  await using server = await startServer(({ limit = 0 }) =>
    limit > cap ? { status: 400, body: openai(words.replaceAll("{asked}", String(limit)), null, null) } : good,
  );
  const { output } = await ask(server, { api: "openai-compatible", options: { budget: { tokens: 90_000 } } });
  expect(output.status).toBe("completed");
  expect(server.seen.map(({ limit }) => limit).slice(1)).toEqual([cap]);
});

/** How servers word that prompt and answer together do not fit into the context, which holds 4,096 tokens. */
const contextWords: string[] = [
  "This model's maximum context length is 4096 tokens. However, you requested about {sum} tokens (10 of text input, {asked} in the output). Please reduce the length of either one.",
  "'max_tokens' or 'max_completion_tokens' is too large: {asked}. This model's maximum context length is 4096 tokens and your request has 10 input tokens ({asked} > 4096 - 10).",
  "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 10 `inputs` tokens and {asked} `max_new_tokens`",
  "This model's maximum context length is 4096 tokens. However, you requested {sum} tokens (10 in the messages, {asked} in the completion).",
  "max_tokens exceeds the context window of this model",
];

test.each(contextWords)("a limit that the budget set leaves room for the prompt: %s", async (words) => {
  await using server = await startServer(({ limit = 0 }) => {
    const message = words.replaceAll("{asked}", String(limit)).replaceAll("{sum}", String(limit + 10));
    return limit + 10 > 4_096 ? { status: 400, body: openai(message, null, null) } : good;
  });
  const { output } = await ask(server, { api: "openai-compatible", options: { budget: { tokens: 90_000 } } });
  expect(output.status).toBe("completed");
  expect(server.seen.length).toBe(2);
  expect([undefined, 4_086]).toContain(server.seen[1]?.limit);
});

/** How servers word that they have no seed. */
const seedWords: unknown[] = [
  { message: "property 'seed' is unsupported" },
  { message: "parameter 'seed' is not a valid field" },
  { error: "TypeError: generate() got an unexpected keyword argument 'seed'" },
  { detail: "seed: Additional properties are not allowed" },
  { error: { message: "seed must be less than or equal to 65535", param: "seed" } },
  { error: { code: "1210", message: "不支持参数 seed" } },
  [
    {
      error: { message: 'Invalid JSON payload received. Unknown name "seed" at generation_config: Cannot find field.' },
    },
  ],
];

test.each(seedWords)("a seed is left out after %j", async (body) => {
  await using server = await startServer((seen) => ("seed" in seen.body ? { status: 400, body } : good));
  const { output } = await ask(server, { api: "openai-compatible" });
  expect(output.status).toBe("completed");
  expect(server.seen.length).toBe(2);
});

/** How servers word that they take no schema. */
const schemaWords: [number, unknown][] = [
  [400, { error: "'response_format.type' must be 'json_object' or 'text'" }],
  [422, { detail: [{ loc: ["body", "response_format", "type"], msg: "Input should be 'text'" }] }],
  [400, { error: { message: "m does not support tools" } }],
  [500, { error: { message: "failed to parse grammar" } }],
  [400, { message: "structured outputs are not available for this model" }],
  [404, { error: { message: "No endpoints found that can handle the requested parameters: response_format" } }],
];

test.each(schemaWords)("a schema stands in words after %i %j", async (status, body) => {
  await using server = await startServer((seen) => (seen.body.response_format ? { status, body } : answer));
  const { output, bundle } = await ask(server, { api: "openai-compatible", tool: { schema } });
  expect(output.status).toBe("completed");
  expect(bundle.summary.consensus).toEqual({ amountUsd: 1250 });
  expect(server.seen.length).toBe(2);
});

test.each([false, true])("a refusal inside a 200 is answered alike (streaming: %s)", async (streaming) => {
  await using server = await startServer(({ body }) =>
    "seed" in body ? { status: 200, body: { error: { message: "Unknown parameter: 'seed'", code: 400 } } } : good,
  );
  const { output, events } = await ask(server, { api: "openai-compatible", options: { streaming } });
  expect(output.status).toBe("completed");
  expect(output.usage).toMatchObject({ requests: 1 });
  expect(server.seen.length).toBe(2);
  expect(events.some(({ type }) => type === "retry_scheduled")).toBe(false);
});

test("a provider package that asks for more than its server allows is told the limit, also without a budget", async () => {
  await using server = await startServer(({ limit = 0 }) =>
    limit > 4_096
      ? {
          status: 400,
          body: {
            type: "error",
            error: {
              type: "invalid_request_error",
              message: `max_tokens: ${limit} > 4096, which is the maximum allowed number of output tokens for claude-next`,
            },
          },
        }
      : good,
  );
  const { output } = await ask(server, { api: "anthropic", modelId: "claude-opus-4-5" });
  expect(output.status).toBe("completed");
  expect(server.seen.at(-1)?.limit).toBe(4_096);
});

test("a prompt that fills the context bounds its own answer, and not those of other prompts", async () => {
  const context = 8_192;
  await using server = await startServer(({ body, limit = 0 }) => {
    const promptTokens = JSON.stringify(body.messages).length;
    const message = `This model's maximum context length is ${context} tokens. However, you requested ${promptTokens + limit} tokens (${promptTokens} in the messages, ${limit} in the completion). Please reduce the length of the messages or completion.`;
    return promptTokens + limit > context ? { status: 400, body: openai(message, "messages", null) } : good;
  });
  const state = new ReliabilityState();
  const options = { budget: { tokens: 50_000 } };
  const long = await ask(server, { api: "openai-compatible", state, options, tool: { prompt: "x".repeat(6_000) } });
  const boundByLong = server.seen.at(-1)?.limit ?? 0;
  const short = await ask(server, { api: "openai-compatible", state, options });
  expect([long.output.status, short.output.status]).toEqual(["completed", "completed"]);
  expect(boundByLong).toBeLessThan(context - 6_000);
  expect(server.seen.at(-1)?.limit).toBeGreaterThan(boundByLong);
});

/** What is not ours to mend, although a parameter of ours is named. */
const notOurs: [string, Ask, Reply, number][] = [
  [
    "a temperature outside a range that begins at 0",
    { api: "openai-compatible", tool: { temperature: 3 } },
    { status: 400, body: openai("temperature must be 1 or less", "temperature", "out_of_range") },
    1,
  ],
  [
    "a temperature out of range",
    { api: "openai-compatible", tool: { temperature: 3 } },
    {
      status: 400,
      body: openai(
        "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
        "temperature",
        "decimal_above_max_value",
      ),
    },
    1,
  ],
  [
    "a limit of the user's that is too large",
    { api: "openai-compatible", tool: { maxOutputTokens: 99_999 } },
    {
      status: 400,
      body: openai(
        "max_tokens is too large: 99999. This model supports at most 16384 completion tokens.",
        "max_tokens",
        "invalid_value",
      ),
    },
    1,
  ],
  [
    "a key that is wrong",
    { api: "openai-compatible" },
    { status: 401, body: openai("Your key does not support the parameter seed.", null, null) },
    1,
  ],
  [
    "another fault whose body repeats the request",
    { api: "openai-compatible" },
    {
      status: 422,
      body: {
        detail: [
          { type: "missing", loc: ["body", "user"], msg: "Field is not permitted to be absent", input: { seed: 1 } },
        ],
      },
    },
    1,
  ],
  [
    "a parameter that is not sent",
    { api: "openai-compatible" },
    { status: 400, body: openai("Unsupported parameter: 'logit_bias'", "logit_bias") },
    1,
  ],
];

test.each(notOurs)("%s fails as it is, after one call", async (_, given, reply, calls) => {
  await using server = await startServer(() => reply);
  const { output } = await ask(server, given);
  expect(output.status).toBe("failed");
  expect(server.seen.length).toBe(calls);
});

/** Prompts that are too long: there is no limit to blame. */
const tooLong: string[] = [
  "prompt is too long: 250000 tokens > 200000 maximum",
  "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
  "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
  "Input is too long: max tokens 4096, given 5000",
];

test.each(tooLong)("a prompt that is too long is no refusal of a limit: %s", async (message) => {
  await using server = await startServer(() => ({ status: 400, body: openai(message, null, null) }));
  const { output } = await ask(server, { api: "openai-compatible" });
  expect(output.status).toBe("failed");
  expect(server.seen.length).toBe(1);
});

test("a server that refuses whatever it is asked is given up", async () => {
  await using server = await startServer(() => ({
    status: 400,
    body: openai("Unsupported parameters: seed, temperature, max_tokens, response_format"),
  }));
  const tool = { schema, temperature: 1, maxOutputTokens: 50 };
  const { output } = await ask(server, { api: "openai-compatible", tool });
  expect(output).toMatchObject({ status: "failed", errors: { t: { category: "invalid_request" } } });
  expect(server.seen.length).toBeLessThan(9);
});
