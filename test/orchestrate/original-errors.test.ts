import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  BundleTool,
  defineBundleTool,
  defineTool,
  Orchestrator,
  ReliableOrchestrator,
  type ReplicateSpec,
  type ResolvedBundleOptions,
  type ToolContext,
  unwrap,
} from "../../src/index.ts";
import type { PlanDecision } from "../../src/planning.ts";
import { ReliabilityState } from "../../src/reliability.ts";

function watch() {
  const lines: { level: string; data: any; message: string }[] = [];
  const at = (level: string) => (data: object, message: string) => void lines.push({ level, data, message });
  const logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  const withError = () =>
    lines.filter(({ data }) => "err" in data).map(({ level, data }) => `${level} ${data.type}: ${data.err.message}`);
  return { logger, lines, withError };
}

const fault = new TypeError("Cannot read properties of undefined");
const broken = defineTool({ name: "broken", execute: () => Promise.reject(fault) });

function failureOf(output: Parameters<typeof unwrap>[0]): any {
  try {
    unwrap(output);
  } catch (error) {
    return error;
  }
  return expect.fail("the run succeeded");
}

describe("an exception of one's own", () => {
  test("reaches the logger once, with its stack, and is the cause of what unwrap throws", async () => {
    for (const Kind of [Orchestrator, ReliableOrchestrator]) {
      const { logger, withError, lines } = watch();
      const output = await new Kind({ logger }).run({ tool: broken, request: {} });
      expect(withError()).toEqual(["error error: Cannot read properties of undefined"]);
      expect(lines.find(({ data }) => "err" in data)?.data.err).toBe(fault);
      expect(failureOf(output)).toMatchObject({
        cause: fault,
        error: { message: fault.message, code: "UNKNOWN", category: "unknown" },
      });
      expect(JSON.stringify(output)).not.toContain("original-errors.test");
    }
  });

  test("of one replicate reaches the logger, though the run completes", async () => {
    const { logger, withError } = watch();
    const tool = defineBundleTool({
      name: "vote",
      input: z.object({}),
      schema: z.string(),
      executeReplicate: async (_request, { index }) => {
        if (index === 0) throw fault;
        return { data: "yes" };
      },
    });
    const output = await new Orchestrator({ logger }).run({ tool, request: {}, toolOptions: { k: 3 } });
    expect(output.status).toBe("completed");
    expect(withError()).toEqual(["warn replicate_done: Cannot read properties of undefined"]);
  });

  test("of a bundle that runs as a whole is the cause too, if its replicates threw it", async () => {
    class Whole extends BundleTool<object, string> {
      readonly name = "whole";
      override executeBundle(request: object, options: ResolvedBundleOptions, context: ToolContext) {
        return super.executeBundle(request, options, context);
      }
      override async executeReplicate(_request: object, _replicate: ReplicateSpec): Promise<never> {
        throw fault;
      }
    }
    const output = await new Orchestrator().run({ tool: new Whole(), request: {}, toolOptions: { k: 2 } });
    expect(failureOf(output).cause).toBe(fault);
  });

  test("of a planner reaches the logger with the PlanningError that it causes", async () => {
    const { logger, lines } = watch();
    const planner = { plan: (): Promise<PlanDecision> => Promise.reject(fault) };
    const orchestrator = new ReliableOrchestrator({ planner, logger, state: new ReliabilityState() });
    await expect(orchestrator.run({ request: {} })).rejects.toMatchObject({ code: "PLANNING" });
    const [line] = lines.filter(({ data }) => "err" in data);
    expect(line).toMatchObject({ level: "error", message: "steer run_failed" });
    expect(line?.data.err.cause).toBe(fault);
  });

  test("is not logged if a run redacts its events, since no one can redact a stack", async () => {
    const { logger, withError } = watch();
    const options = { redact: <E>(event: E) => event };
    const output = await new Orchestrator({ logger }).run({ tool: broken, request: {}, options });
    expect(withError()).toEqual([]);
    expect(failureOf(output).cause).toBe(fault);
  });
});

test.each([401, 409])(
  "an error of a provider (%i) is told by its facts alone: what it was asked may stand in it",
  async (statusCode) => {
    const { logger, withError } = watch();
    const refusal = Object.assign(new Error("Refused"), { statusCode, requestBodyValues: { prompt: "…" } });
    const tool = defineTool({ name: "refused", execute: () => Promise.reject(refusal) });
    const output = await new Orchestrator({ logger }).run({ tool, request: {} });
    expect(withError()).toEqual([]);
    expect(failureOf(output).cause).toBe(refusal);
  },
);

test("an output that came from a store has the facts of its failure alone", async () => {
  const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
  const tool = defineTool({
    name: "long",
    execute: () => Promise.reject(Object.assign(new Error("too long"), { statusCode: 413 })),
  });
  const run = () => orchestrator.run({ tool, request: {}, options: { idempotencyKey: "key" } });
  await run();
  expect(failureOf(await run())).toMatchObject({ error: { code: "HTTP_413" }, cause: { code: "HTTP_413" } });
});
