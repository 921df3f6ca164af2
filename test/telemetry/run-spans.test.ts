import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { InMemorySpanExporter, ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CallGuard, CallOutcome } from "../../src/contract/call.ts";
import type { OrchestrationOutput } from "../../src/contract/output.ts";
import { traceCalls, traceRun, traceTool } from "../../src/telemetry/run-spans.ts";
import { noSpan } from "../../src/telemetry/span.ts";
import { scriptedTool } from "../../src/testing.ts";
import { collectSpans, stopCollecting } from "./collect-spans.ts";

const usage = { inputTokens: 12, outputTokens: 5, totalTokens: 17, reasoningTokens: 2 };
const base = { usage, costUsd: 0.01, traceId: "t", requestId: "q", elapsedMs: 1 };
const metadata = { toolName: "triage", toolVersion: "1.0.0", costUsd: 0.01 };
const completed: OrchestrationOutput = { ...base, metadata, status: "completed", content: "fine" };
const failure = { type: "Error", message: "secret", code: "server_error", isRetryable: true, attempts: 4 };
const failed: OrchestrationOutput = { ...base, metadata, status: "failed", content: null, errors: { triage: failure } };
const run = { requestId: "q", traceId: "t", toolName: "triage" };
const tool = scriptedTool("triage", []);

/** A guard whose calls all end as told. */
function guardOf(outcome: CallOutcome<unknown>): CallGuard {
  return () => Promise.resolve(outcome as CallOutcome<any>);
}

const call = { provider: "openai", bound: () => undefined, execute: () => "unused" };

describe("with OpenTelemetry", () => {
  let spans: InMemorySpanExporter;
  const named = (name: string): ReadableSpan => spans.getFinishedSpans().find((span) => span.name === name)!;

  beforeEach(() => {
    spans = collectSpans();
  });
  afterEach(stopCollecting);

  test("a run is a tree of the run, its tool and its replicates, with usage and cost on each", async () => {
    const outcome = {
      ok: true,
      value: { data: 1, model: "gpt-5-mini-2025" },
      usage,
      costUsd: null,
      attempts: 2,
      elapsedMs: 3,
    };
    const output = await traceRun(run, (runSpan) =>
      traceTool(tool, runSpan, async (toolSpan) => {
        const guard = traceCalls(guardOf(outcome as CallOutcome<unknown>), toolSpan);
        await guard({ ...call, replicateId: "r1", modelId: "gpt-5-mini", seed: 7 });
        await guard(call);
        return completed;
      }),
    );
    expect(output).toBe(completed);
    expect(spans.getFinishedSpans().map((span) => span.name)).toEqual([
      "chat gpt-5-mini",
      "execute_tool triage",
      "invoke_workflow triage",
    ]);
    const chat = named("chat gpt-5-mini");
    expect(chat.kind).toBe(SpanKind.CLIENT);
    expect(chat.attributes).toEqual({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-5-mini",
      "gen_ai.request.seed": 7,
      "gen_ai.response.model": "gpt-5-mini-2025",
      "gen_ai.usage.input_tokens": 12,
      "gen_ai.usage.output_tokens": 5,
      "gen_ai.usage.reasoning.output_tokens": 2,
      "steer.attempts": 2,
      "steer.replicate.id": "r1",
    });
    const toolSpan = named("execute_tool triage");
    const runSpan = named("invoke_workflow triage");
    expect(chat.parentSpanContext?.spanId).toBe(toolSpan.spanContext().spanId);
    expect(toolSpan.parentSpanContext?.spanId).toBe(runSpan.spanContext().spanId);
    expect(runSpan.attributes).toMatchObject({
      "steer.status": "completed",
      "steer.cost_usd": 0.01,
      "steer.request_id": "q",
    });
  });

  test("a failed replicate, tool and run are marked, with the code of what failed", async () => {
    const outcome = {
      ok: false,
      error: new Error("secret"),
      failure,
      usage,
      costUsd: 0,
      attempts: 4,
      elapsedMs: 3,
    } as const;
    await traceRun({ requestId: "q", traceId: "t" }, (runSpan) =>
      traceTool(tool, runSpan, async (toolSpan) => {
        await traceCalls(guardOf(outcome), toolSpan)({ ...call, replicateId: "r1" });
        return failed;
      }),
    );
    for (const name of ["chat", "execute_tool triage", "invoke_workflow"]) {
      expect(named(name).status.code).toBe(SpanStatusCode.ERROR);
      expect(named(name).attributes["error.type"]).toBe("server_error");
      expect(JSON.stringify(named(name).attributes)).not.toContain("secret");
    }
  });

  test("a run that rejects ends its spans, and rejects with the same error", async () => {
    const error = Object.assign(new Error("no"), { code: "CANCELLED" });
    const rejecting = traceRun(run, (span) => traceTool(tool, span, () => Promise.reject(error)));
    await expect(rejecting).rejects.toBe(error);
    expect(spans.getFinishedSpans().map((span) => span.attributes["error.type"])).toEqual(["CANCELLED", "CANCELLED"]);
  });
});

test("without OpenTelemetry the work and the guard are what they were", async () => {
  const guard = guardOf({ ok: true, value: 1, usage, costUsd: 0, attempts: 1, elapsedMs: 0 });
  expect(traceCalls(guard, noSpan)).toBe(guard);
  const output = await traceRun(run, (runSpan) =>
    traceTool(tool, runSpan, async (span) => {
      expect(span).toBe(noSpan);
      return completed;
    }),
  );
  expect(output).toBe(completed);
});
