import { describe, expect, test } from "vitest";
import {
  createRegistry,
  defineTool,
  InvalidOptionsError,
  PlanningError,
  ReliableOrchestrator,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";

const echo = defineTool({ name: "echo", execute: (_request: object, options) => options });
const other = defineTool({ name: "other", execute: () => "other" });
const registry = createRegistry([echo, other]);
const decision = {
  selectedTool: "echo",
  toolOptions: {},
  fallbackTools: [],
  executionStrategy: "single",
  confidence: 1,
  reasoning: "so",
  metadata: {},
};

function run(planner: any, idempotencyKey?: string, store = new MemoryStore()) {
  const orchestrator = new ReliableOrchestrator({ planner, registry, store, state: new ReliabilityState() });
  return orchestrator.run({ request: {}, options: { idempotencyKey } });
}

async function refusal(planner: any): Promise<string> {
  const error: any = await run(planner).catch((error) => error);
  expect(error).toBeInstanceOf(PlanningError);
  return error.message;
}

const deciding = (given: unknown) => ({ plan: async () => given });
const cyclic: any = { ...decision };
cyclic.metadata = cyclic;

describe("the plan of a custom planner", () => {
  test.each([
    [null, "got null; wanted: an object with a selectedTool"],
    [undefined, "got undefined; wanted: an object with a selectedTool"],
    ["echo", 'got "echo"; wanted: an object with a selectedTool'],
    [[], "got []; wanted: an object with a selectedTool"],
    [{}, "selectedTool: got undefined; wanted: the name of a tool"],
    [{ ...decision, selectedTool: echo }, "selectedTool: got "],
    [{ ...decision, selectedTool: "" }, 'selectedTool: got ""; wanted: the name of a tool'],
    [{ ...decision, toolOptions: "k" }, 'toolOptions: got "k"; wanted: an object of the tool\'s options'],
    [{ ...decision, toolOptions: null }, "toolOptions: got null"],
    [{ ...decision, toolOptions: [1] }, "toolOptions: got [1]"],
    [{ ...decision, fallbackTools: "other" }, 'fallbackTools: got "other"; wanted: a list of names of tools'],
    [{ ...decision, fallbackTools: { a: "other" } }, "fallbackTools: got "],
    [{ ...decision, fallbackTools: null }, "fallbackTools: got null"],
    [{ ...decision, fallbackTools: [other] }, "fallbackTools: got "],
    [cyclic, "it cannot be written as JSON: "],
    [{ ...decision, metadata: { n: 1n } }, "it cannot be written as JSON: "],
  ])("is refused where no run can follow it (%#)", async (given, what) => {
    const message = await refusal(deciding(given));
    expect(message).toContain("The planner gave a decision that no run can follow: ");
    expect(message).toContain(what);
  });

  test("is refused for everything that is wrong with it, at once", async () => {
    const message = await refusal(deciding({ selectedTool: 1, toolOptions: 2, fallbackTools: 3 }));
    for (const name of ["selectedTool: got 1", "toolOptions: got 2", "fallbackTools: got 3"])
      expect(message).toContain(name);
  });

  test("is refused where it names a tool that is not there, with those that are", async () => {
    for (const named of [{ selectedTool: "none" }, { fallbackTools: ["none"] }])
      expect(await refusal(deciding({ ...decision, ...named }))).toContain(
        'The planner chose "none", which is not registered. There are: echo, other.',
      );
  });

  test("may throw where it is read", async () => {
    const throwing = (name: string) =>
      Object.defineProperty({ ...decision }, name, {
        get: () => {
          throw new Error("not today");
        },
      });
    for (const name of ["selectedTool", "fallbackTools", "then"])
      expect(await refusal(deciding(throwing(name)))).toBe("The planner failed: not today");
  });

  test("may leave out options and fallbacks, and give options that are no data: the output is data all the same", async () => {
    expect((await run(deciding({ selectedTool: "echo" }))).status).toBe("completed");
    const compare = () => 0;
    const output = await run(deciding({ ...decision, toolOptions: { compare, k: 1 } }));
    expect(JSON.parse(JSON.stringify(output))).toEqual(output);
    expect(output.metadata["plan"]).toEqual({ ...decision, toolOptions: { k: 1 } });
  });
});

describe("tools that a planner brings along", () => {
  test("are refused where they are no list of tools", async () => {
    for (const tools of ["echo", null, { echo }])
      expect(await refusal({ ...deciding(decision), tools })).toContain("It must be a list of tools");
    for (const tools of [[null], ["echo"], [{ name: "echo" }]])
      expect(await refusal({ ...deciding(decision), tools })).toContain("planner.tools[0]");
  });

  test("are refused where reading them throws", async () => {
    const planner = {
      ...deciding(decision),
      get tools(): never {
        throw new Error("not today");
      },
    };
    expect(await refusal(Object.create(planner))).toBe("The planner failed: not today");
  });
});

test("refuses a planner that cannot plan", () => {
  for (const planner of [null, {}, { plan: "echo" }, "rules"] as any[]) {
    const make = () => new ReliableOrchestrator({ planner, registry });
    expect(make).toThrow(InvalidOptionsError);
    expect(make).toThrow("planner: got");
  }
});

test("a resumed run follows the plan that was kept, and does not ask its planner", async () => {
  let failures = 1;
  const flaky = defineTool({
    name: "flaky",
    execute: () => (failures-- > 0 ? Promise.reject(Object.assign(new Error("no"), { statusCode: 401 })) : "done"),
  });
  const store = new MemoryStore();
  const asked: string[] = [];
  const choosing = (selectedTool: string) => ({
    tools: [flaky],
    plan: async () => {
      asked.push(selectedTool);
      return { ...decision, selectedTool };
    },
  });
  expect((await run(choosing("flaky"), "key", store)).status).toBe("failed");
  const output = await run(choosing("other"), "key", store);
  expect(output).toMatchObject({ content: "done", metadata: { toolName: "flaky" } });
  expect(asked).toEqual(["flaky"]);
});

test("a plan that was kept and cannot be followed is a PlanningError that says whose it is", async () => {
  const store = new MemoryStore();
  const claim = store.claim.bind(store);
  store.claim = async (...given) => ({ ...(await claim(...given)), plan: { selectedTool: 7 } }) as any;
  await expect(run(deciding(decision), "key", store)).rejects.toThrow(
    "An earlier run of this key gave a decision that no run can follow: selectedTool: got 7; wanted: the name of a tool",
  );
});

test("a plan that was kept and names a tool that is gone says so, and what to do", async () => {
  const store = new MemoryStore();
  const failing = defineTool({ name: "gone", execute: () => Promise.reject(new Error("no")) });
  await run({ ...deciding({ ...decision, selectedTool: "gone" }), tools: [failing] }, "key 1", store);
  await expect(run(deciding(decision), "key 1", store)).rejects.toMatchObject({
    code: "PLANNING",
    message: expect.stringContaining(
      'An earlier run of this key chose "gone", which is not registered. There are: echo, other. Register it, or purge the key, so that it is planned anew: steer store purge "key 1".',
    ),
    reasons: { gone: "not registered" },
  });
});

test("a plan that no run can follow is not kept: the next one asks its planner", async () => {
  const store = new MemoryStore();
  await run(deciding({ ...decision, selectedTool: "none" }), "key", store).catch(() => {});
  expect(await run(deciding(decision), "key", store)).toMatchObject({ status: "completed" });
});
