import { describe, expect, test } from "vitest";
import { defineTool, EventManager, Orchestrator } from "../../src/index.ts";

function watch() {
  const warnings: any[] = [];
  const silent = () => {};
  const warn = (data: object, message: string) => void warnings.push({ ...data, message });
  return { warnings, logger: { debug: silent, info: silent, warn, error: silent } };
}

const echo = defineTool({ name: "echo", execute: (request: object) => request });
const failing = (message: string) => () => {
  throw new Error(message);
};

describe("an error that a listener throws", () => {
  test("is logged once a listener, however many events it fails on, and costs the run nothing", async () => {
    const { warnings, logger } = watch();
    const eventManager = new EventManager();
    eventManager.on("*", failing("first"));
    eventManager.on("*", async () => failing("second")());
    const heard: string[] = [];
    eventManager.on("*", ({ type }) => heard.push(type));
    const run = { tool: echo, request: {}, eventManager, onEvent: failing("third"), options: { requestId: "r-1" } };
    expect((await new Orchestrator({ logger }).run(run)).status).toBe("completed");
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual(["run_started", "tool_started", "run_completed"]);
    expect(warnings.map(({ err }) => err.message).sort()).toEqual(["first", "second", "third"]);
    expect(warnings[0]).toMatchObject({ requestId: "r-1", message: "steer listener failed" });
  });

  test("is logged by the run that was listened to, where several share a manager", async () => {
    const eventManager = new EventManager();
    eventManager.on("tool_started", failing("always"));
    const logs = [watch(), watch()];
    await Promise.all(
      logs.map(({ logger }) => new Orchestrator({ logger }).run({ tool: echo, request: {}, eventManager })),
    );
    expect(logs.map(({ warnings }) => warnings.length)).toEqual([1, 1]);
  });

  test("goes to onListenerError alone where a manager has one", async () => {
    const { warnings, logger } = watch();
    const errors: unknown[] = [];
    const eventManager = new EventManager({ onListenerError: (error) => errors.push(error) });
    eventManager.on("*", failing("told"));
    await new Orchestrator({ logger }).run({ tool: echo, request: {}, eventManager });
    expect([errors.length, warnings]).toEqual([3, []]);
  });

  test("changes nothing if the logger itself throws", async () => {
    const broken = failing("no log");
    const logger = { debug: broken, info: broken, warn: broken, error: broken };
    const heard: string[] = [];
    const onEvent = ({ type }: { type: string }) => heard.push(type);
    expect((await new Orchestrator({ logger }).run({ tool: echo, request: {}, onEvent })).status).toBe("completed");
    expect(heard.length).toBe(3);
  });
});
