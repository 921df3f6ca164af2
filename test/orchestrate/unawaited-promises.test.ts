import { afterEach, beforeEach, expect, test } from "vitest";
import { defineTool, Orchestrator } from "../../src/index.ts";
import { RuleBasedPlanner } from "../../src/planning.ts";
import { createGuard } from "../../src/reliability.ts";
import { watchRejections } from "../campaign/watch-rejections.ts";

const rejecting = (): any => Promise.reject(new Error("nobody waits for this"));
const echo = defineTool({ name: "echo", execute: (request: object) => request });

let rejections: ReturnType<typeof watchRejections>;
beforeEach(() => {
  rejections = watchRejections();
});
afterEach(() => rejections.stop());

async function expectNoneUnhandled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  expect(rejections.seen).toEqual([]);
}

test("a redact that has to be awaited hides all but the type, and its rejection does not end the process", async () => {
  const heard: object[] = [];
  const run = { tool: echo, request: { q: "secret" }, options: { redact: rejecting } };
  await new Orchestrator().run({ ...run, onEvent: (event) => heard.push(event) });
  await expectNoneUnhandled();
  expect(heard.length).toBe(3);
  expect(JSON.stringify(heard)).not.toContain("secret");
});

test("a logger whose methods reject costs the run nothing, and does not end the process", async () => {
  const logger = { debug: rejecting, info: rejecting, warn: rejecting, error: rejecting };
  const onEvent = () => {
    throw new Error("for the log");
  };
  expect((await new Orchestrator({ logger }).run({ tool: echo, request: {}, onEvent })).status).toBe("completed");
  await expectNoneUnhandled();
});

test("an estimate that has to be awaited is none to plan with, and does not end the process", async () => {
  const planner = new RuleBasedPlanner();
  const facts = { version: "1.0.0", description: "", supportsBundle: false, capabilities: [], estimate: rejecting };
  expect(await planner.plan({}, { planned: facts })).not.toHaveProperty("estimatedCostUsd");
  await expectNoneUnhandled();
});

test.each([
  ["a promise", rejecting],
  ["nothing", () => undefined],
  ["something else", () => ({ category: "network" })],
])("a guard's classifier that gives %s is as good as none", async (_what, classify: any) => {
  let calls = 0;
  const guard = createGuard({ classify, retry: { maxRetries: 1, initialDelayMs: 0 } });
  const answer = guard.run(() => (++calls === 1 ? Promise.reject(Object.assign(new Error(), { status: 503 })) : "yes"));
  expect(await answer).toBe("yes");
  await expectNoneUnhandled();
});
