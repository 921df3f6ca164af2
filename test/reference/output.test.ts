import { describe, expect, test } from "vitest";
import {
  defineTool,
  isOrchestratorError,
  type OrchestrationOutput,
  Orchestrator,
  ReliableOrchestrator,
  ToolExecutionError,
  unwrap,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { createFakeClock } from "../../src/testing.ts";
import { Answers, httpError, rejection } from "./support.ts";

const paying = defineTool({
  name: "paying",
  version: "3.2.1",
  async execute(request: { fail?: boolean }, _options, { reportUsage, clock, signal }) {
    reportUsage({ inputTokens: 7, outputTokens: 3, totalTokens: 10 }, 0.25);
    await clock.sleep(120, { signal });
    if (request.fail) throw Object.assign(new TypeError("broken"), { code: "E_BROKEN" });
    return { answer: 42 };
  },
});

async function runPaying(request: { fail?: boolean }, options = {}): Promise<OrchestrationOutput> {
  const clock = createFakeClock();
  const run = new Orchestrator({ clock }).run({ tool: paying, request, options });
  await clock.runAll();
  return run;
}

describe("OrchestrationOutput", () => {
  test("has content, usage, metadata, ids, elapsedMs, status and costUsd", async () => {
    const options = {
      requestId: "r",
      traceId: "t",
      metadata: { team: "search" },
      budget: { tokens: 100, costUsd: 1 },
    };
    expect(await runPaying({}, options)).toEqual({
      status: "completed",
      content: { answer: 42 },
      usage: { inputTokens: 7, outputTokens: 3, totalTokens: 10, requests: 1 },
      costUsd: 0.25,
      metadata: {
        team: "search",
        toolName: "paying",
        toolVersion: "3.2.1",
        costUsd: 0.25,
        budget: { tokens: 100, costUsd: 1 },
      },
      traceId: "t",
      requestId: "r",
      elapsedMs: 120,
    });
  });

  test("of a tool that failed has status failed, and what failed by the tool's name", async () => {
    const output = await runPaying({ fail: true });
    expect(output).toMatchObject({
      status: "failed",
      content: null,
      costUsd: 0.25,
      metadata: { costUsd: 0.25 },
      errors: {
        paying: { type: "TypeError", message: "broken", code: "E_BROKEN", isRetryable: false, attempts: 1 },
      },
    });
  });

  test("counts the attempts of a failure, and what all of them used", async () => {
    const clock = createFakeClock();
    const tool = defineTool({
      name: "t",
      execute(_request: object, _options, { reportUsage, attempt }) {
        const [inputTokens, outputTokens] = attempt === 1 ? [2, 3] : [5, 7];
        reportUsage({ inputTokens, outputTokens, totalTokens: inputTokens + outputTokens }, 0.5);
        throw httpError(503);
      },
    });
    const reliabilityConfig = { maxRetries: 1 };
    const run = new ReliableOrchestrator({ clock, reliabilityConfig }).run({ tool, request: {} });
    await clock.runAll();
    expect(await run).toMatchObject({
      status: "failed",
      usage: { inputTokens: 7, outputTokens: 10, totalTokens: 17, requests: 2 },
      costUsd: 1,
      metadata: { costUsd: 1 },
      errors: { t: { attempts: 2, isRetryable: true, code: "HTTP_503" } },
    });
  });

  test("is plain JSON data, whole after a round trip, however the run ended", async () => {
    const partial = new Orchestrator().run({
      tool: new Answers(["a", "b"]),
      request: {},
      toolOptions: { k: 5, stopping: "none", perReplicateBudget: { tokens: 10 } },
      options: { budget: { tokens: 15 } },
    });
    const outputs = [await runPaying({}), await runPaying({ fail: true }), await partial];
    expect(outputs.map(({ status }) => status)).toEqual(["completed", "failed", "partial"]);
    for (const output of outputs) expect(JSON.parse(JSON.stringify(output))).toEqual(output);
  });

  test("of nothing has null as its content, and null as a cost that is not known", async () => {
    const tool = defineTool({
      name: "t",
      execute: (_request: object, _options, { reportUsage }) =>
        reportUsage({ inputTokens: 1, outputTokens: 1, totalTokens: 2 }),
    });
    const output = await new Orchestrator().run({ tool, request: {} });
    expect(output).toMatchObject({ content: null, costUsd: null, metadata: { costUsd: null } });
  });
});

describe("unwrap", () => {
  test("gives the content of a run, and throws ToolExecutionError for a failed one", async () => {
    expect(unwrap(await runPaying({}))).toEqual({ answer: 42 });
    const failed = await runPaying({ fail: true });
    const error = await rejection(Promise.resolve().then(() => unwrap(failed)));
    expect(error).toBeInstanceOf(ToolExecutionError);
    expect(error).toMatchObject({ toolName: "paying", error: { message: "broken", code: "E_BROKEN" } });
    expect(isOrchestratorError(error)).toBe(true);
  });
});

describe("qualityRequirements.minConfidence", () => {
  const run = (minConfidence: number, warnings: unknown[] = []) =>
    new ReliableOrchestrator({ state: new ReliabilityState() }).run({
      tool: new Answers(["a", "b", "c"]),
      request: {},
      toolOptions: { k: 3, stopping: "none" },
      options: { qualityRequirements: { minConfidence } },
      onEvent: (event) => event.type === "warning" && warnings.push(event.code),
    });

  test("above the confidence says so in metadata and in a warning, and the run completes", async () => {
    const warnings: unknown[] = [];
    const output = await run(0.99, warnings);
    expect(output).toMatchObject({ status: "completed", metadata: { belowMinConfidence: true } });
    expect(warnings).toEqual(["threshold_out_of_reach", "low_confidence"]);
  });

  test("that is met says nothing", async () => {
    const warnings: unknown[] = [];
    expect((await run(0, warnings)).metadata).not.toHaveProperty("belowMinConfidence");
    expect(warnings).toEqual([]);
  });
});
