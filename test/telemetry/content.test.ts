import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { context, trace } from "@opentelemetry/api";
import { BasicTracerProvider, BatchSpanProcessor, type ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { InvalidOptionsError, Orchestrator, PromptBundleTool } from "../../src/index.ts";
import { scriptedModel } from "../../src/testing.ts";
import { AsyncContextManager, stopCollecting } from "./collect-spans.ts";

// What the spans are held against:
// https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-spans.md
// https://arize.com/docs/phoenix/release-notes/05-2026/05-15-2026-otel-semconv-conversion (Phoenix 15.10 and later)
// https://langfuse.com/integrations/native/opentelemetry

/** A collector on loopback, as an exporter reaches one. */
class Collector {
  readonly received: { name: string; attributes: Record<string, unknown> }[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      this.received.push(...JSON.parse(Buffer.concat(chunks).toString()).spans);
      response.end("{}");
    });
  }

  async open(): Promise<BasicTracerProvider> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const { port } = this.#server.address() as AddressInfo;
    const send = async (spans: ReadableSpan[]) => {
      const body = JSON.stringify({ spans: spans.map(({ name, attributes }) => ({ name, attributes })) });
      await fetch(`http://127.0.0.1:${port}/v1/traces`, { method: "POST", body });
    };
    const exporter = {
      export: (spans: ReadableSpan[], done: (result: { code: number }) => void) =>
        void send(spans).then(
          () => done({ code: 0 }),
          () => done({ code: 1 }),
        ),
      shutdown: async () => {},
    };
    const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
    trace.setGlobalTracerProvider(provider);
    context.setGlobalContextManager(new AsyncContextManager());
    return provider;
  }

  attributesOf(name: string): Record<string, unknown> | undefined {
    return this.received.find((span) => span.name === name)?.attributes;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const tool = () =>
  new PromptBundleTool({
    name: "triage",
    model: scriptedModel([{ text: '{"severity":"high"}', usage: { inputTokens: 9, outputTokens: 4 } }], {
      modelId: "m",
    }),
    system: "You triage reports.",
    prompt: ({ report, photo }: { report: string; photo: Uint8Array }) => [
      {
        role: "user",
        content: [
          { type: "text", text: report },
          { type: "image", image: photo, mediaType: "image/png" },
        ],
      },
    ],
    schema: { type: "object", properties: { severity: { enum: ["low", "high"] } }, required: ["severity"] } as const,
    defaultOptions: { k: 1 },
  });

describe("content in spans", () => {
  let collector: Collector;
  let provider: BasicTracerProvider;

  beforeEach(async () => {
    collector = new Collector();
    provider = await collector.open();
  });
  afterEach(() => {
    stopCollecting();
    collector.close();
  });

  const run = async (settings: object, options: object = {}) => {
    const request = { report: "It crashes", photo: new Uint8Array(7) };
    await new Orchestrator(settings).run({ tool: tool(), request, options });
    await provider.forceFlush();
  };

  test("is what the gen_ai conventions name, where the program asks for it", async () => {
    await run({ telemetry: { content: true } });
    const chat = collector.attributesOf("chat m") ?? {};
    const parsed = (name: string) => JSON.parse(chat[name] as string);
    expect(parsed("gen_ai.input.messages")).toMatchInlineSnapshot(`
      [
        {
          "parts": [
            {
              "content": "You triage reports.",
              "type": "text",
            },
          ],
          "role": "system",
        },
        {
          "parts": [
            {
              "content": "It crashes",
              "type": "text",
            },
            {
              "content": "[image, image/png, 7 bytes]",
              "type": "text",
            },
          ],
          "role": "user",
        },
      ]
    `);
    expect(parsed("gen_ai.output.messages")).toMatchInlineSnapshot(`
      [
        {
          "finish_reason": "stop",
          "parts": [
            {
              "content": "{"severity":"high"}",
              "type": "text",
            },
          ],
          "role": "assistant",
        },
      ]
    `);
    const { "steer.replicate.id": _, "gen_ai.request.seed": __, ...others } = chat;
    expect(Object.keys(others).sort()).toMatchInlineSnapshot(`
      [
        "gen_ai.input.messages",
        "gen_ai.operation.name",
        "gen_ai.output.messages",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.response.model",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "steer.attempts",
      ]
    `);
    const root = collector.attributesOf("invoke_workflow triage") ?? {};
    expect(root["gen_ai.output.messages"]).toBe(
      '[{"role":"assistant","parts":[{"type":"text","content":"{\\"severity\\":\\"high\\"}"}],"finish_reason":"stop"}]',
    );
    expect(JSON.parse(root["gen_ai.input.messages"] as string)[0]).toEqual({
      role: "user",
      parts: [{ type: "text", content: '{"report":"It crashes","photo":"[7 bytes]"}' }],
    });
  });

  test.each([
    ["by default", {}, {}],
    ["where it is switched off", { telemetry: { content: false } }, {}],
    [
      "of a run with redact, which spans do not pass",
      { telemetry: { content: true } },
      { redact: (event: unknown) => event },
    ],
  ])("is not there %s", async (_, settings, options) => {
    await run(settings, options);
    expect(collector.received.map(({ name }) => name)).toContain("chat m");
    expect(JSON.stringify(collector.received)).not.toMatch(/It crashes|severity|messages/);
  });
});

test("a telemetry setting that says nothing is refused", () => {
  expect(() => new Orchestrator({ telemetry: { contents: true } } as never)).toThrow(InvalidOptionsError);
  expect(() => new Orchestrator({ telemetry: { content: "yes" } } as never)).toThrow(/telemetry.content/);
});
