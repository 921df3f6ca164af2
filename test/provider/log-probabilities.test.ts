import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { CalibrationStore } from "../../src/calibration/calibration-store.ts";
import {
  type EvidenceBundle,
  type LanguageModelLike,
  type OrchestrationEvent,
  Orchestrator,
  PromptBundleTool,
  ReliableOrchestrator,
} from "../../src/index.ts";
import { recordingModel } from "../../src/provider/recording.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { type Api, type Reply, type Seen, startServer, type Token } from "../support/vendor-server.ts";

const schema = z.object({ severity: z.string(), count: z.number() });

/** Tokens as they are cut, each with the log-probability behind it. */
function tokens(...pairs: [text: string, logprob: number][]): Token[] {
  return pairs.map(([token, logprob]) => ({ token, logprob, bytes: [...Buffer.from(token)] }));
}

const json = tokens(
  ['{"', -0.5],
  ["severity", 0],
  ['":"', -0.01],
  ["hi", -0.2],
  ["gh", -0.4],
  ['","', -3],
  ["count", -4],
  ['":', -5],
  ["42", -0.125],
  ["}", -6],
);
const jsonReply = { text: '{"severity":"high","count":42}', tokens: json };

interface Ask {
  readonly api?: Api;
  readonly modelId?: string;
  readonly isStreaming?: boolean;
  readonly schema?: typeof schema | undefined;
  readonly k?: number;
}

async function ask(reply: (request: Seen) => Reply, asking: Ask = {}) {
  await using server = await startServer(reply);
  const { api = "openai-chat", modelId, isStreaming = false, k = 1 } = asking;
  const form = "schema" in asking ? asking.schema : schema;
  const tool = new PromptBundleTool({
    name: "t",
    model: server.model(api, modelId),
    prompt: "How bad?",
    ...(form && { schema: form }),
    defaultOptions: { k },
  });
  const events: OrchestrationEvent[] = [];
  const output = await new ReliableOrchestrator({ state: new ReliabilityState() }).run({
    tool: tool as PromptBundleTool<any, any, any>,
    request: {},
    options: { streaming: isStreaming },
    onEvent: (event) => events.push(event),
  });
  if (output.status === "failed") throw new Error(JSON.stringify(output.errors));
  const { replicates, summary } = output.content.evidenceBundle;
  const warnings = events.filter(({ type }) => type === "warning");
  return { replicates, summary, warnings, seen: [...server.seen] };
}

const apis: Api[] = ["openai-chat", "openai-responses", "openai-compatible", "google"];

describe("log-probabilities", () => {
  for (const api of apis)
    for (const isStreaming of [false, true])
      test(`of each field are on a replicate of ${api}, ${isStreaming ? "streamed" : "whole"}`, async () => {
        const { replicates, warnings } = await ask(() => jsonReply, { api, isStreaming });
        expect(replicates[0]?.logprobs).toEqual({ "/severity": -0.3, "/count": -0.125 });
        expect(warnings).toEqual([]);
        expect(JSON.stringify(replicates[0]?.quality)).not.toMatch(/logprob/i);
      });

  test("of a text are the mean of its tokens", async () => {
    const reply = { text: "high risk", tokens: tokens(["high", -0.1], [" risk", -0.3]) };
    const { replicates } = await ask(() => reply, { schema: undefined });
    expect(replicates[0]?.logprobs).toEqual({ "": -0.2 });
  });

  for (const api of ["anthropic", "mistral"] as const)
    test(`are not asked of ${api}, whose API has none`, async () => {
      const { replicates, seen } = await ask(() => ({ text: jsonReply.text }), { api });
      expect(JSON.stringify(seen[0]?.body)).not.toMatch(/logprob/i);
      expect(replicates[0]).not.toHaveProperty("logprobs");
    });

  for (const api of ["openai-chat", "openai-responses"] as const)
    test(`are not asked of a model of ${api} that thinks, and no warning speaks of them`, async () => {
      const { replicates, seen, warnings } = await ask(() => ({ text: jsonReply.text }), {
        api,
        modelId: "gpt-5-mini",
      });
      expect(JSON.stringify(seen[0]?.body)).not.toMatch(/logprob/i);
      expect(JSON.stringify([replicates[0]?.quality, warnings])).not.toMatch(/logprob/i);
    });

  const refusals: [string, Api, number, object][] = [
    [
      "OpenAI's Responses",
      "openai-responses",
      400,
      {
        error: {
          message: "logprobs are not supported with reasoning models.",
          type: "invalid_request_error",
          param: "include",
          code: "unsupported_parameter",
        },
      },
    ],
    [
      "OpenAI's chat, with a 403",
      "openai-chat",
      403,
      {
        error: {
          message: "You are not allowed to request logprobs from this model",
          type: "invalid_request_error",
          param: null,
          code: null,
        },
      },
    ],
    [
      "Gemini's API",
      "google",
      400,
      {
        error: {
          code: 400,
          message: "Logprobs is not enabled for models/gemini-2.5-flash",
          status: "INVALID_ARGUMENT",
        },
      },
    ],
    [
      "a compatible server",
      "openai-compatible",
      422,
      { detail: [{ type: "extra_forbidden", loc: ["body", "logprobs"], msg: "Extra inputs are not permitted" }] },
    ],
  ];
  for (const [name, api, status, body] of refusals)
    test(`that ${name} refuses are left out from then on, without a warning`, async () => {
      const isAsked = (request: Seen) => /logprobs/i.test(JSON.stringify(request.body));
      const { replicates, seen, warnings } = await ask(
        (request) => (isAsked(request) ? { status, body } : { text: jsonReply.text }),
        { api, k: 3 },
      );
      expect(replicates.every(({ valid }) => valid)).toBe(true);
      expect(seen.filter(isAsked).length).toBeLessThanOrEqual(2);
      expect(isAsked(seen.at(-1) as Seen)).toBe(false);
      expect(warnings).toEqual([]);
    });

  test("of a server that refuses something else are asked for again", async () => {
    const { seen } = await ask(
      ({ number }) =>
        number === 1 ? { status: 500, body: { error: { message: "the seed of evil", param: null } } } : jsonReply,
      {},
    );
    expect(seen.map(({ body }) => body.logprobs)).toEqual([true, true]);
  }, 20_000);

  describe("find their tokens in the answer", () => {
    const euro = Buffer.from("€");
    const writings: [string, Reply & { tokens: Token[] }, Record<string, number>][] = [
      [
        "behind thoughts in the text and tokens that end it",
        {
          text: '<think>high?</think>{"severity":"high","count":42}',
          tokens: [...tokens(["<think>", -9], ["high", -8], ["?</think>", -7]), ...json, ...tokens(["<|eot_id|>", -5])],
        },
        { "/severity": -0.3, "/count": -0.125 },
      ],
      [
        "behind thoughts that the server took out of the text",
        { text: jsonReply.text, tokens: [...tokens(["<think>", -9], ["high</think>\n", -8]), ...json] },
        { "/severity": -0.3, "/count": -0.125 },
      ],
      [
        "with a character split over two tokens, told in bytes",
        {
          text: '{"severity":"€","count":1}',
          tokens: [
            ...tokens(['{"severity":"', -1]),
            { token: "\\xe2\\x82", logprob: -0.2, bytes: [...euro.subarray(0, 2)] },
            { token: "\\xac", logprob: -0.6, bytes: [...euro.subarray(2)] },
            ...tokens(['","count":', -1], ["1", 0], ["}", -2]),
          ],
        },
        { "/severity": -0.4, "/count": 0 },
      ],
      [
        "with a character split over two tokens, told in escapes",
        {
          text: '{"severity":"€","count":1}',
          tokens: [
            { token: '{"severity":"', logprob: -1 },
            { token: "bytes:\\xe2\\x82", logprob: -0.2 },
            { token: "<0xAC>", logprob: -0.6 },
            { token: '","count":1}', logprob: -2 },
          ],
        },
        { "/severity": -0.4, "/count": -2 },
      ],
      [
        "with a character split over two tokens that its server could not write",
        {
          text: '{"severity":"€","count":1}',
          tokens: tokens(['{"severity":"', -1], ["\ufffd", -0.2], ["\ufffd", -0.6], ['","count":', -1], ["1}", -2]),
        },
        { "/severity": -0.4, "/count": -2 },
      ],
      [
        "in JSON that was mended",
        {
          text: "Sure: {severity: 'high', \"count\": 42,}",
          tokens: tokens(
            ["Sure: ", -9],
            ["{severity: '", -1],
            ["high", -0.3],
            ['\', "count": ', -1],
            ["42", -0.1],
            [",}", 0],
          ),
        },
        { "/severity": -0.3, "/count": -0.1 },
      ],
      [
        "in the last of two equal keys",
        {
          text: '{"severity":"low","severity":"high","count":42}',
          tokens: tokens(
            ['{"severity":"', 0],
            ["low", -7],
            ['","severity":"', 0],
            ["high", -0.3],
            ['","count":', 0],
            ["42}", -0.1],
          ),
        },
        { "/severity": -0.3, "/count": -0.1 },
      ],
      [
        "in what stands around the answer",
        {
          text: '{"answer":{"severity":"high","count":42}}',
          tokens: tokens(['{"answer":{"severity":"', 0], ["high", -0.3], ['","count":', 0], ["42}}", -0.1]),
        },
        { "/severity": -0.3, "/count": -0.1 },
      ],
    ];
    for (const [name, reply, expected] of writings)
      test(name, async () => {
        const { replicates } = await ask(() => reply, { api: "openai-compatible" });
        expect(replicates[0]?.data).toBeInstanceOf(Object);
        expect(replicates[0]?.logprobs).toEqual(expected);
      });

    test("or have none, where the tokens are those of another text", async () => {
      const { replicates } = await ask(() => ({
        text: jsonReply.text,
        tokens: tokens(["nothing", -1], [" else", -1]),
      }));
      expect(replicates[0]).not.toHaveProperty("logprobs");
    });

    test("or have none, where one cannot be read", async () => {
      const broken = [...json.slice(1), { token: "x", logprob: "low" as never }];
      const { replicates } = await ask(() => ({ text: jsonReply.text, tokens: broken }), { api: "openai-compatible" });
      expect(replicates[0]).not.toHaveProperty("logprobs");
    });
  });

  for (const isStreaming of [false, true])
    test(`are in a recording, and in what it replays, ${isStreaming ? "streamed" : "whole"}`, async () => {
      const file = join(mkdtempSync(join(tmpdir(), "steer-logprobs-")), "answers.jsonl");
      onTestFinished(() => rmSync(dirname(file), { recursive: true }));
      await using server = await startServer(() => jsonReply);
      const runWith = async (model: LanguageModelLike | string) => {
        const tool = new PromptBundleTool({ name: "t", model, prompt: "How bad?", schema, defaultOptions: { k: 1 } });
        const output = await new Orchestrator().run({ tool, request: {}, options: { streaming: isStreaming } });
        return (output.content as any).evidenceBundle.replicates[0].logprobs;
      };
      const recorded = await runWith(recordingModel(server.model("openai-chat"), file));
      expect(recorded).toEqual({ "/severity": -0.3, "/count": -0.125 });
      expect(await runWith(`recorded:${file}`)).toEqual(recorded);
    });

  for (const api of apis)
    for (const isStreaming of [false, true])
      test(`break a tie for the lead, and leave it a tie: ${api}, ${isStreaming ? "streamed" : "whole"}`, async () => {
        const answerWith = (severity: string, logprob: number) => ({
          text: JSON.stringify({ severity, count: 1 }),
          tokens: tokens(['{"severity":"', 0], [severity, logprob], ['","count":', 0], ["1", 0], ["}", 0]),
        });
        const answers = [answerWith("low", -2), answerWith("high", -0.1)];
        let calls = 0;
        const { summary } = await ask(() => answers[calls++] as Reply, { k: 2, api, isStreaming });
        expect(summary.consensus).toEqual({ severity: "high", count: 1 });
        expect(summary.fields["/severity"]).toMatchObject({ tied: true, support: 1 });
      });

  test("of single answers tell right from wrong once labels say so, and are no confidence before", async () => {
    const folder = mkdtempSync(join(tmpdir(), "steer-logprobs-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    let isSure = true;
    await using server = await startServer(() => ({
      text: isSure ? "Paris" : "Rome",
      tokens: tokens([isSure ? "Paris" : "Rome", isSure ? -0.02 : -1.4]),
    }));
    const calibrations = new CalibrationStore({ path: folder });
    const orchestrator = new Orchestrator({ calibrations });
    const tool = new PromptBundleTool({ name: "t", model: server.model("openai-chat"), prompt: "{{question}}" });
    const bundleOfOne = async (sure: boolean) => {
      isSure = sure;
      const { content } = await orchestrator.run({ tool, request: { question: "?" }, toolOptions: { k: 1 } });
      return content?.evidenceBundle as EvidenceBundle;
    };
    const [sure, unsure] = [await bundleOfOne(true), await bundleOfOne(false)];
    expect(sure.summary.confidence).toBeCloseTo(unsure.summary.confidence, 12);
    expect(sure.summary.confidenceBasis.kind).toBe("none");
    const labels = Array.from({ length: 40 }, (_, at) => ({
      id: String(at),
      bundle: at % 2 === 0 ? sure : unsure,
      correct: at % 10 === 0 ? at % 2 === 1 : at % 2 === 0,
    }));
    await calibrations.label(labels);
    const [likely, unlikely] = [await bundleOfOne(true), await bundleOfOne(false)];
    expect(likely.summary.confidenceBasis).toMatchObject({ kind: "labels", labels: 40, calibrated: true });
    expect(likely.summary.confidence).toBeGreaterThan(0.65);
    expect(unlikely.summary.confidence).toBeLessThan(0.3);
  });
});
