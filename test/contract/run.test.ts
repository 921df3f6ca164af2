import { describe, expect, test } from "vitest";
import { bundleOptions } from "../../src/contract/bundle-options.ts";
import { orchestrationConfig } from "../../src/contract/config.ts";
import { ToolExecutionError } from "../../src/contract/errors.ts";
import { hasEvidence, type OrchestrationOutput, unwrap } from "../../src/contract/output.ts";
import { InvalidOptionsError } from "../../src/core/errors.ts";
import { resolveOptions } from "../../src/core/options.ts";
import { reliabilityConfig } from "../../src/guard/reliability-config.ts";
import { bundleOf } from "../support/bundle-of.ts";

const usage = { inputTokens: 0, outputTokens: 0, totalTokens: 0 };
const metadata = { toolName: "triage", toolVersion: "1.0.0", costUsd: null };
const base = { usage, costUsd: null, metadata, traceId: "t", requestId: "q", elapsedMs: 1 };
const failure = { type: "HttpFailure", message: "busy", code: "HTTP_503", isRetryable: true, attempts: 4 };

const completed: OrchestrationOutput<string> = { ...base, status: "completed", content: "fine" };
const partial: OrchestrationOutput<string> = { ...base, status: "partial", content: "half" };
const failed: OrchestrationOutput<string> = { ...base, status: "failed", content: null, errors: { triage: failure } };

describe("unwrap", () => {
  test("gives the content of an output that has one", () => {
    expect(unwrap(completed)).toBe("fine");
    expect(unwrap(partial)).toBe("half");
  });

  test("refuses a run that was not awaited", () => {
    const untyped: (given: unknown) => unknown = unwrap as never;
    expect(() => untyped(Promise.resolve(completed))).toThrow("Await the run first: unwrap(await run).");
  });

  test("throws what failed, with the tool's name and the failure's facts", () => {
    const thrown = (() => {
      try {
        return unwrap(failed);
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toBeInstanceOf(ToolExecutionError);
    expect(thrown).toMatchObject({ toolName: "triage", message: 'Tool "triage" failed: busy', error: failure });
  });

  test("throws the last failure where fallbacks failed as well, and something where none was recorded", () => {
    const errors = { triage: failure, cheap: { ...failure, message: "down" } };
    expect(() => unwrap({ ...failed, errors })).toThrow('Tool "cheap" failed: down');
    expect(() => unwrap({ ...failed, errors: {} })).toThrow('Tool "triage" failed: no error was recorded');
  });
});

test("an output has evidence where its content holds a bundle, and it did not fail", () => {
  const content = { evidenceBundle: bundleOf(["yes"]) };
  expect(hasEvidence({ ...completed, content } as OrchestrationOutput<any>)).toBe(true);
  expect(hasEvidence({ ...partial, content } as OrchestrationOutput<any>)).toBe(true);
  const others = [{}, null, "bundle", { replicates: [], summary: {} }].map((evidenceBundle) => ({ evidenceBundle }));
  for (const content of [null, undefined, "evidenceBundle", { bundle: 1 }, ...others])
    expect(hasEvidence({ ...completed, content } as OrchestrationOutput<any>)).toBe(false);
  expect(hasEvidence({ ...failed, content } as OrchestrationOutput<any>)).toBe(false);
});

describe("the options of a run", () => {
  test("have the documented defaults", () => {
    expect(resolveOptions(orchestrationConfig, {})).toEqual({ maxParallel: 10, streaming: false });
  });

  test.each([
    [{ maxParallel: 0 }, "options.maxParallel"],
    [{ timeoutMs: -1 }, "options.timeoutMs"],
    [{ budget: { tokens: 1.5 } }, "options.budget.tokens"],
    [{ budget: { costUsd: Number.POSITIVE_INFINITY } }, "options.budget.costUsd"],
    [{ metadata: [] }, "options.metadata"],
    [{ idempotencyKey: "" }, "options.idempotencyKey"],
    [{ qualityRequirements: { minConfidence: 2 } }, "options.qualityRequirements.minConfidence"],
    [{ redact: "all" }, "options.redact"],
  ])("%j are refused at %s", (given, path) => {
    expect(() => resolveOptions(orchestrationConfig, given)).toThrow(InvalidOptionsError);
    expect(() => resolveOptions(orchestrationConfig, given)).toThrow(`${path}: got`);
  });

  test("send what belongs to the tool to the tool's options, and back", () => {
    expect(() => resolveOptions(orchestrationConfig, { epsilon: 0.1 })).toThrow("Move it to toolOptions.epsilon.");
    expect(() => resolveOptions(bundleOptions, { budget: { tokens: 1 } })).toThrow("Move it to options.budget.");
  });

  test("guess at what was meant inside a budget", () => {
    expect(() => resolveOptions(orchestrationConfig, { budget: { costUSD: 1 } })).toThrow('did you mean "costUsd"?');
  });

  test("name the ceilings where a budget is one number", () => {
    const given = { budget: 0.05 };
    expect(() => resolveOptions(orchestrationConfig, given)).toThrow("an object with tokens, costUsd, timeMs");
  });

  test("translate the names that other libraries have", () => {
    expect(() => resolveOptions(orchestrationConfig, { budget: { usd: 1 } })).toThrow('did you mean "costUsd"?');
    expect(() => resolveOptions(reliabilityConfig, { retries: 1 })).toThrow('did you mean "maxRetries"?');
  });
});

describe("the options of a bundle", () => {
  test("have the documented defaults", () => {
    expect(resolveOptions(bundleOptions, {})).toEqual({
      k: 3,
      epsilon: 0.2,
      stopping: "auto",
      maxParallel: 10,
      resample: "objects",
    });
  });

  test.each([
    { k: 0 },
    { k: 2.5 },
    { seeds: [-1] },
    { epsilon: 1.1 },
    { stopping: "sometimes" },
    { stopping: { rule: "beta", threshold: "high" } },
    { schema: "zod" },
    { compare: { tolerance: -0.1 } },
    { compare: { byPath: { "/a": { lists: "sorted" } } } },
    { escalate: { to: ["openai:gpt-5"] } },
    { fields: "/a" },
  ])("%j are refused", (given) => {
    expect(() => resolveOptions(bundleOptions, given)).toThrow(InvalidOptionsError);
  });

  test.each([
    { stopping: { rule: "beta", threshold: 0.95 } },
    { compare: { tolerance: { absolute: 0.5 }, lists: { key: "id" }, byPath: { "/a": { text: true } } } },
    { schema: { type: "object" }, fields: ["/a"], perReplicateBudget: { tokens: 5 } },
  ])("%j are taken", (given) => {
    expect(resolveOptions(bundleOptions, given)).toMatchObject(given);
  });
});
