import { expect, test } from "vitest";
import { z } from "zod";
import {
  defineBundleTool,
  defineTool,
  type OrchestrationEvent,
  PromptBundleTool,
  ReliableOrchestrator,
} from "../../src/index.ts";
import { createFakeClock, scriptedModel } from "../../src/testing.ts";

const reset = () => Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });

function orchestrate() {
  const clock = createFakeClock();
  return { clock, orchestrator: new ReliableOrchestrator({ clock }) };
}

/** Fails once, after it has begun to answer. */
function breaking() {
  let executions = 0;
  const tool = defineTool({
    name: "letter",
    execute: (_request: object, _options, { events }) => {
      if (executions++ > 0) return "Dear reader";
      events.emit("delta", { text: "Dear" });
      throw reset();
    },
  });
  return { tool, executions: () => executions };
}

test("a plain tool whose answer was shown in part is not executed again, and its failure says so", async () => {
  const { clock, orchestrator } = orchestrate();
  const { tool, executions } = breaking();
  const shown: string[] = [];
  const onEvent = (event: OrchestrationEvent) => event.type === "delta" && shown.push(event.text);
  const pending = orchestrator.run({ tool, request: {}, options: { streaming: true }, onEvent });
  await clock.runAll();
  expect(await pending).toMatchObject({
    status: "failed",
    errors: { letter: { code: "ECONNRESET", attempts: 1, message: expect.stringContaining("had been delivered") } },
  });
  expect([shown, executions()]).toEqual([["Dear"], 1]);
});

test("deltas without a listener count as not delivered: the tool is executed again", async () => {
  const { clock, orchestrator } = orchestrate();
  const { tool, executions } = breaking();
  const pending = orchestrator.run({ tool, request: {}, options: { streaming: true } });
  await clock.runAll();
  expect(await pending).toMatchObject({ status: "completed", content: "Dear reader" });
  expect(executions()).toBe(2);
});

test("a delta that comes after the end of its attempt speaks for no later one", async () => {
  const { clock, orchestrator } = orchestrate();
  const tool = defineTool({
    name: "letter",
    execute: async (_request: object, _options, { events, attempt, clock }) => {
      if (attempt === 1) void clock.sleep(0).then(() => events.emit("delta", { text: "too late" }));
      if (attempt < 3) throw reset();
      return "Dear reader";
    },
  });
  const pending = orchestrator.run({ tool, request: {}, onEvent() {} });
  await clock.runAll();
  expect(await pending).toMatchObject({ status: "completed", content: "Dear reader" });
});

test("a replicate that a tool of one's own had shown in part starts anew, after attempt_discarded", async () => {
  const { clock, orchestrator } = orchestrate();
  const tool = defineBundleTool({
    name: "vote",
    input: z.object({}),
    schema: z.string(),
    executeReplicate: async (_request, { id }, { events, attempt }) => {
      events.emit("delta", { text: "ye", replicateId: id });
      if (attempt === 1) throw reset();
      return { data: "yes" };
    },
  });
  const types: string[] = [];
  const onEvent = ({ type, attempt }: OrchestrationEvent) =>
    ["delta", "attempt_discarded"].includes(type) && types.push(`${type} ${attempt}`);
  const pending = orchestrator.run({ tool, request: {}, toolOptions: { k: 1 }, onEvent });
  await clock.runAll();
  expect((await pending).status).toBe("completed");
  expect(types).toEqual(["delta 1", "attempt_discarded 1", "delta 2"]);
});

test("chunkTimeoutMs ends with the stream: an answer that takes long to check is checked, and paid for once", async () => {
  const clock = createFakeClock();
  const orchestrator = new ReliableOrchestrator({ clock, reliabilityConfig: { chunkTimeoutMs: 100 } });
  const model = scriptedModel(() => ({ object: { a: 1 } }));
  const schema = z.object({ a: z.number() }).refine(() => clock.sleep(500).then(() => true));
  const tool = new PromptBundleTool({ name: "p", model, prompt: "x", schema, defaultOptions: { k: 1 } });
  const pending = orchestrator.run({ tool, request: {}, options: { streaming: true } });
  await clock.runAll();
  expect(await pending).toMatchObject({ status: "completed" });
  expect(model.calls).toHaveLength(1);
});
