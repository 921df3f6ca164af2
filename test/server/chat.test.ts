import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PromptBundleTool } from "../../src/index.ts";
import { type Listening, listen } from "../../src/server/listen.ts";
import { type OpenAIServer, type ServerCall, startOpenAIServer } from "../support/openai-server.ts";
import { clients } from "./clients.ts";
import { serving, waitingTool } from "./serving.ts";

const schema = {
  type: "object",
  properties: { severity: { type: "string", enum: ["low", "high"] } },
  required: ["severity"],
  additionalProperties: false,
};

/** Answers as the question has it: two of three say the first word. */
function answer({ body }: ServerCall, number: number) {
  const question = JSON.stringify(body.messages);
  const isJson = body.response_format?.type === "json_schema";
  if (question.includes("refuse")) return { status: 400, error: { message: "no such thing", code: "bad" } };
  const isOdd = number % 3 === 2;
  if (isJson) return { text: JSON.stringify({ severity: isOdd ? "low" : "high" }) };
  return { text: isOdd ? "Lyon" : "Paris" };
}

let vendor: OpenAIServer;
let listening: Listening;
let ask: ReturnType<typeof serving>["ask"];
let generic: string;

beforeAll(async () => {
  let number = 0;
  vendor = await startOpenAIServer((call) => answer(call, number++));
  const model = `openai-compatible:${vendor.baseURL}#m`;
  generic = `consensus:${model}`;
  const options = { model, reuse: "off", defaultOptions: { k: 3, stopping: "none", maxParallel: 1 } } as const;
  const triage = new PromptBundleTool({
    ...options,
    name: "triage",
    prompt: "Report: {{report}}",
    schema: schema as any,
  });
  const capital = new PromptBundleTool({ ...options, name: "capital", prompt: "The capital of {{country}}?" });
  const pair = new PromptBundleTool({ ...options, name: "pair", prompt: "{{a}} or {{b}}?" });
  const service = serving({ tools: [triage, capital, pair, generic] });
  ask = service.ask;
  listening = await listen(service.service.fetch, { host: "127.0.0.1", port: 0 });
});
afterAll(async () => {
  await listening.end();
  await vendor[Symbol.asyncDispose]();
});

describe.each(Object.entries(clients))("the %s", (_, client) => {
  describe.each([
    ["at once", false],
    ["as a stream", true],
  ])("%s", (_, isStreamed) => {
    test("gets the consensus of a tool's texts", async () => {
      const heard = await client({ url: listening.url, model: "capital", content: "France", isStreamed });
      expect(heard.content).toBe("Paris");
      if (heard.totalTokens !== undefined) expect(heard.totalTokens).toBe(3 * 15);
      if (heard.steer) expect(heard.steer.evidenceBundle.summary.validCount).toBe(3);
      if (heard.reasoning !== undefined) expect(heard.reasoning.match(/^r[123]: /gm)).toHaveLength(3);
    });

    test("gets the consensus of a tool's objects", async () => {
      const heard = await client({ url: listening.url, model: "triage", content: "It crashes", schema, isStreamed });
      expect(heard.content).toEqual({ severity: "high" });
    });

    test("gets a consensus by its own schema", async () => {
      const heard = await client({ url: listening.url, model: generic, content: "How bad?", schema, isStreamed });
      expect(heard.content).toEqual({ severity: expect.stringMatching(/low|high/) });
      expect(vendor.calls.at(-1)?.body.response_format.json_schema.schema).toMatchObject({ required: ["severity"] });
    });

    test("gets a consensus of a model's texts", async () => {
      const heard = await client({ url: listening.url, model: generic, content: "The capital?", isStreamed });
      expect(heard.content).toMatch(/Paris|Lyon/);
    });

    test("is told why the model gave no answer", async () => {
      const asked = client({ url: listening.url, model: "capital", content: "refuse", isStreamed });
      await expect(asked).rejects.toThrow();
    });
  });
});

const chat = (body: object, headers: Record<string, string> = {}) =>
  ask("POST", "/v1/chat/completions", { json: { messages: [{ role: "user", content: "France" }], ...body }, headers });

describe("POST /v1/chat/completions", () => {
  test("takes K and the stopping rule from the field steer", async () => {
    const { json } = await chat({ model: "capital", steer: { k: 5, stopping: "none" } });
    expect(json.steer.evidenceBundle.meta).toMatchObject({ k: 5, kCompleted: 5 });
    expect(json.usage.total_tokens).toBe(5 * 15);
  });

  test("keeps the run, with its events", async () => {
    const { json } = await chat({ model: "capital" });
    const run = await ask("GET", `/v1/runs/${json.steer.runId}`);
    expect(run.json).toMatchObject({ toolName: "capital", status: "completed", request: "France" });
  });

  test("gives a tool the JSON object of the message where it takes one, and the text where it takes that", async () => {
    const object = await chat({ model: "pair", messages: [{ role: "user", content: '{"a": "x", "b": "y"}' }] });
    expect(object.status).toBe(200);
    const text = await chat({ model: "capital", messages: [{ role: "user", content: '{"a": "x"}' }] });
    expect(text.status).toBe(200);
    expect(vendor.calls.at(-1)?.body.messages.at(-1).content).toContain('The capital of {"a": "x"}?');
  });

  test("sends a model what the messages say, with system, history, pictures and settings", async () => {
    const picture = "data:image/png;base64,iVBORw0KGgo=";
    const messages = [
      { role: "system", content: "Be short." },
      { role: "user", content: "Hello" },
      { role: "assistant", content: "Hi" },
      {
        role: "user",
        content: [
          { type: "text", text: "What is it?" },
          { type: "image_url", image_url: { url: picture } },
        ],
      },
    ];
    const { status } = await chat({ model: generic, messages, temperature: 0.3, max_tokens: 77, steer: { k: 1 } });
    expect(status).toBe(200);
    const { body } = vendor.calls.at(-1) as ServerCall;
    expect(body).toMatchObject({ temperature: 0.3, max_tokens: 77 });
    expect(body.messages.map(({ role }: any) => role)).toEqual(["system", "user", "assistant", "user"]);
    expect(body.messages[3].content[1].image_url.url).toBe(picture);
  });

  const ofSeverity = (severity: object, more: object = {}) => ({
    type: "json_schema",
    json_schema: {
      name: "answer",
      schema: { type: "object", properties: { severity }, required: ["severity"], ...more },
    },
  });

  test.each([
    ["another type", ofSeverity({ type: "number" }), "/severity may be of type string"],
    ["fewer choices", ofSeverity({ enum: ["low"] }), '/severity may be "high"'],
    [
      "other choices by reference",
      ofSeverity({ $ref: "#/$defs/s" }, { $defs: { s: { const: "low" } } }),
      "/severity may be",
    ],
    ["a property that it has not", ofSeverity({}, { required: ["severity", "owner"] }), 'has no "owner"'],
    [
      "no property of this name",
      ofSeverity({}, { properties: {}, required: [], additionalProperties: false }),
      'has "severity"',
    ],
    [
      "neither of two forms",
      ofSeverity({ anyOf: [{ type: "number" }, { type: "null" }] }),
      "/severity may be of type string",
    ],
  ])("refuses of a tool with its own schema %s, as a fault of response_format", async (_, response_format, fault) => {
    const before = vendor.calls.length;
    const { status, json } = await chat({ model: "triage", response_format });
    expect([status, json.error.param]).toEqual([400, "response_format"]);
    expect(json.error.message).toContain(fault);
    expect(vendor.calls).toHaveLength(before);
  });

  test.each([
    [
      "the same in other words",
      ofSeverity(
        { type: "string", description: "How bad" },
        { $schema: "http://json-schema.org/draft-07/schema#", additionalProperties: false },
      ),
    ],
    ["more choices", ofSeverity({ enum: ["low", "middle", "high"] })],
    ["one of two forms", ofSeverity({ anyOf: [{ type: "null" }, { type: "string" }] })],
    ["any object", { type: "json_object" }],
    ["text", { type: "text" }],
  ])("takes from a client of a tool with its own schema %s", async (_, response_format) => {
    expect((await chat({ model: "triage", response_format })).status).toBe(200);
  });

  test("derives a seed for each answer from the client's, the same for the same", async () => {
    const seedsOf = async (seed: number, model = "capital") => {
      expect((await chat({ model, seed, steer: { k: 3 } })).status).toBe(200);
      return vendor.calls.slice(-3).map(({ body }) => body.seed);
    };
    const [first, other] = [await seedsOf(7), await seedsOf(8)];
    expect(await seedsOf(7)).toEqual(first);
    expect(new Set([...first, ...other]).size).toBe(6);
    const refused = await chat({ model: "capital", seed: 7, steer: { seeds: [1, 2, 3] } });
    expect(refused).toMatchObject({ status: 400, json: { error: { param: "seed" } } });
  });

  test.each([
    ["steer.k", { model: "capital", steer: { k: -1 } }],
    ["steer.escalate", { model: "capital", steer: { escalate: { below: 1, to: ["openai:x"] } } }],
    ["messages", { model: "pair" }],
    ["model", {}],
    ["reasoning_effort", { model: "capital", reasoning_effort: "low" }],
    ["response_format.json_schema.schema", { model: "GENERIC", response_format: ofSeverity({ type: "colour" }) }],
  ])("names %s of the body where the fault is there", async (param, { model, ...body }: any) => {
    const asked = { ...body, model: model === "GENERIC" ? generic : model };
    const { status, json } = await chat(asked);
    expect([status, json.error.param.slice(0, param.length)]).toEqual([400, param]);
    expect(json.error.message).not.toContain("toolOptions");
  });

  test("runs once for a key, and gives its second caller the same answer", async () => {
    const before = vendor.calls.length;
    const headers = { "idempotency-key": "capital-1" };
    const [first, second] = [await chat({ model: "capital" }, headers), await chat({ model: "capital" }, headers)];
    expect(second.json.choices).toEqual(first.json.choices);
    expect(vendor.calls.length - before).toBe(3);
    const other = await chat({ model: "capital", messages: [{ role: "user", content: "Spain" }] }, headers);
    expect(other).toMatchObject({ status: 422, json: { code: "CONFLICT", error: { code: "CONFLICT" } } });
  });

  test.each([
    ["/chat/completions", "The base URL ends in /v1."],
    ["/v1/responses", "Use POST /v1/chat/completions"],
  ])("tells a client that asks %s what to change, where it reads errors", async (path, advice) => {
    const { status, json } = await ask("POST", path, { json: { model: "capital", messages: [] } });
    expect({ status, message: json.error?.message }).toEqual({ status: 404, message: expect.stringContaining(advice) });
  });

  test.each([
    ["a model that is not there", { model: "gpt-5" }, 404, 'No tool is named "gpt-5"'],
    ["a model that was not named", { model: "consensus:openai:gpt-5" }, 404, "No tool is named"],
    [
      "a history for a tool",
      {
        model: "capital",
        messages: [
          { role: "system", content: "" },
          { role: "user", content: "x" },
        ],
      },
      400,
      "takes one message",
    ],
    ["a temperature for a tool", { model: "capital", temperature: 1 }, 400, "sets temperature itself"],
    [
      "JSON of a tool that answers in text",
      { model: "capital", response_format: { type: "json_object" } },
      400,
      "answers in text",
    ],
    [
      "tool calls",
      { model: "capital", tools: [{ type: "function", function: { name: "f" } }] },
      400,
      "tools is not supported",
    ],
    ["several choices", { model: "capital", n: 2 }, 400, "n is not supported"],
    [
      "an address in place of a picture",
      {
        model: "GENERIC",
        messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "http://169.254.169.254/" } }] }],
      },
      400,
      "not a data URL",
    ],
    [
      "a message of a tool",
      { model: "capital", messages: [{ role: "tool", content: "x", tool_call_id: "1" }] },
      400,
      "messages.0",
    ],
    ["an option that the tool does not have", { model: "capital", steer: { kk: 3 } }, 400, 'did you mean "k"'],
    [
      "a schema that is none",
      {
        model: "GENERIC",
        response_format: { type: "json_schema", json_schema: { name: "x", schema: { type: "colour" } } },
      },
      400,
      "colour",
    ],
  ])("refuses %s, streamed or not, as the openai package tells its user", async (_, body, status, detail) => {
    const client = new OpenAI({ baseURL: `${listening.url}/v1`, apiKey: "none", maxRetries: 0 });
    for (const stream of [false, true]) {
      const asked = { messages: [{ role: "user", content: "x" }], ...body, stream } as any;
      if (asked.model === "GENERIC") asked.model = generic;
      const error = await client.chat.completions.create(asked).then(
        () => undefined,
        (thrown) => thrown,
      );
      expect(error).toBeInstanceOf(OpenAI.APIError);
      expect(error).toMatchObject({ status });
      expect(String(error.message)).toContain(detail);
    }
  });

  test.each([
    [
      "POST",
      "/v1/chat/completions",
      { model: "gpt-5", messages: [{ role: "user", content: "x" }] },
      "invalid_request_error",
      "model",
    ],
    ["POST", "/v1/embeddings", {}, "invalid_request_error", null],
    ["GET", "/v1/models/none", undefined, "invalid_request_error", null],
  ])("%s %s tells OpenAI's clients in their words why there is nothing", async (method, path, json, type, param) => {
    const answered = await ask(method, path, json && { json });
    expect(answered).toMatchObject({ status: 404, json: { status: 404, error: { type, param } } });
    expect(answered.json.error.message).toBe(answered.json.detail);
  });

  test("is a rate limit to OpenAI's clients where as many runs go on as the service takes", async () => {
    const { tool, started } = waitingTool();
    const full = serving({ tools: [tool], maxRuns: 1 });
    const asked = { json: { model: "waits", messages: [{ role: "user", content: "x" }] } };
    const leave = new AbortController();
    const first = full.ask("POST", "/v1/chat/completions", { ...asked, signal: leave.signal });
    await started;
    const second = await full.ask("POST", "/v1/chat/completions", asked);
    expect(second).toMatchObject({ status: 429, json: { code: "BUSY", error: { type: "rate_limit_error" } } });
    expect(second.headers.get("retry-after")).toBe("1");
    leave.abort();
    await first;
  });

  test("tells OpenAI's clients in their words that a key is missing", async () => {
    const keyed = serving({ keys: [{ name: "web", key: "a key of sixteen and more" }] });
    expect(await keyed.ask("GET", "/v1/models")).toMatchObject({
      status: 401,
      json: { error: { type: "invalid_request_error", code: "UNAUTHENTICATED" } },
    });
  });

  test("leaves a failed run to its own retries", async () => {
    const client = new OpenAI({ baseURL: `${listening.url}/v1`, apiKey: "none", maxRetries: 2 });
    const before = vendor.calls.length;
    const asked = client.chat.completions.create({ model: "capital", messages: [{ role: "user", content: "refuse" }] });
    await expect(asked).rejects.toMatchObject({ status: 400 });
    expect(vendor.calls.length - before).toBeLessThanOrEqual(3);
  });
});

test("GET /v1/models names the tools, as the openai package lists them", async () => {
  const client = new OpenAI({ baseURL: `${listening.url}/v1`, apiKey: "none" });
  const { data } = await client.models.list();
  expect(data.map(({ id }) => id)).toEqual(["triage", "capital", "pair", generic]);
});
