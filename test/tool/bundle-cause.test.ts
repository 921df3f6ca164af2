import { expect, test } from "vitest";
import {
  InvalidOptionsError,
  type OrchestrationEvent,
  Orchestrator,
  PromptBundleTool,
  ReliableOrchestrator,
  unwrap,
} from "../../src/index.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { type Script, scriptedModel } from "../../src/testing.ts";

async function failing(script: Script, { k = 3, maxParallel = 1, timeoutMs = 60_000, fallback = false } = {}) {
  const clock = createFakeClock();
  const orchestrator = new ReliableOrchestrator({ clock });
  const tool = new PromptBundleTool({ name: "triage", model: scriptedModel(script), prompt: "x" });
  const local = scriptedModel(() => ({ text: "yes" }), { provider: "local" });
  const fallbackTools = fallback ? [new PromptBundleTool({ name: "local", model: local, prompt: "x" })] : [];
  const run = async () => {
    const errors: string[] = [];
    const onEvent = (event: OrchestrationEvent) => event.type === "error" && errors.push(event.error.message);
    const toolOptions = { k, maxParallel, stopping: "none" } as const;
    const pending = orchestrator.run({
      tool,
      fallbackTools,
      request: {},
      toolOptions,
      options: { timeoutMs },
      onEvent,
    });
    await clock.runAll();
    return { ...(await pending), told: errors };
  };
  return run;
}

test("a bundle that waits for no pause names the 429 and its deadline, and not the circuit that the 429 closed", async () => {
  const run = await failing(() => ({ status: 429, retryAfterMs: 300_000 }));
  const { status, errors } = await run();
  expect(status).toBe("failed");
  expect(errors?.["triage"]).toMatchObject({ code: "HTTP_429", category: "rate_limit", attempts: 1 });
  expect(errors?.["triage"]?.message).toContain("Retry-After asks for 300000 ms, the deadline is in 60000 ms");
});

test("a bundle that opens the circuit names the failure that opened it, with answers and without", async () => {
  const run = await failing(({ index }) => (index < 2 ? { text: "yes" } : { status: 503 }), { k: 12, timeoutMs: 1e6 });
  const { status, errors } = await run();
  expect(status).toBe("partial");
  expect(errors?.["triage"]).toMatchObject({ code: "HTTP_503", attempts: 4 });
});

test("an answer that was filtered has opened no circuit, and is not named as what did", async () => {
  const filtered = { error: Object.assign(new Error("filtered"), { code: "content_filter" }) };
  const run = await failing(({ index }) => (index === 0 ? filtered : { status: 429, retryAfterMs: 300_000 }));
  expect((await run()).errors?.["triage"]).toMatchObject({ code: "HTTP_429" });
});

test("a run that finds the circuit open names that, and what it says holds with a fallback at hand and without", async () => {
  const run = await failing(() => ({ status: 503 }), { k: 5, maxParallel: 5, fallback: true });
  expect((await run()).errors?.["triage"]?.code).toBe("HTTP_503");
  const { errors, status } = await run();
  expect(status).toBe("completed");
  expect(errors?.["triage"]).toMatchObject({ code: "CIRCUIT_OPEN", attempts: 0 });
  expect(errors?.["triage"]?.message).not.toContain("configure");
});

test("where all replicates fail, the first failure is the bundle's", async () => {
  const run = await failing(({ index }) => ({ error: new Error(`failure ${index + 1}`) }), { k: 2 });
  expect((await run()).errors?.["triage"]?.message).toBe("failure 1");
});

test("options that only a later replicate finds to be wrong take no answer away that is paid for", async () => {
  const wrong = new InvalidOptionsError([{ path: "region", given: "mars", allowed: "a region that has this model" }]);
  const tool = new PromptBundleTool({
    name: "triage",
    model: scriptedModel(({ index }) => (index < 2 ? { text: "yes" } : { error: wrong })),
    prompt: "x",
    defaultOptions: { k: 4, stopping: "none", maxParallel: 1 },
  });
  const output = await new Orchestrator().run({ tool, request: {} });
  expect(output).toMatchObject({ status: "partial", errors: { triage: { code: "INVALID_OPTIONS" } } });
  expect(unwrap(output).evidenceBundle.summary).toMatchObject({ consensus: "yes", validCount: 2 });
});
