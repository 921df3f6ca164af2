/** Bad input: each with a clear error, and nothing lost. What only the command meets is tested with the command. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import {
  createRegistry,
  defineBundleTool,
  defineTool,
  EventManager,
  InvalidOptionsError,
  Orchestrator,
  PromptBundleTool,
  ReliableOrchestrator,
  ToolNotFoundError,
  unwrap,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { createFakeClock, scriptedModel } from "../../src/testing.ts";
import { Answers, eventLog, rejection } from "./support.ts";

const echo = defineTool({ name: "echo", execute: (request: unknown) => request });

test.each([
  [
    "PromptBundleTool",
    "defaultOptions",
    (options: object) => new PromptBundleTool({ name: "t", model: "simulated:", prompt: "x", ...options }),
  ],
  ["defineTool", "toolOptions", (options: object) => defineTool({ name: "t", execute: () => 1, ...options })],
  ["defineBundleTool", "defaultOptions", (options: object) => defineBundleTool({ name: "t", ...options } as any)],
])(
  "an unknown option of %s is refused with the nearest known name, or the place where it belongs",
  (name, place, make) => {
    expect(() => make({ descripton: "d", k: 5 })).toThrow(
      expect.objectContaining({
        issues: [
          {
            path: `${name}(…).descripton`,
            given: "d",
            allowed: expect.stringMatching(/^no option of this name; did you mean "description"\? \(one of name, /),
            message: `${name}(…).descripton is not an option of ${name}(…) (got "d"); did you mean "description"?`,
          },
          {
            path: `${name}(…).k`,
            given: 5,
            allowed: `no such option here: "k" belongs in ${place}`,
            message: `${name}(…).k is not an option of ${name}(…). Move it to ${place}.k.`,
          },
        ],
      }),
    );
  },
);

describe.each([
  ["Orchestrator", Orchestrator],
  ["ReliableOrchestrator", ReliableOrchestrator],
] as const)("%s", (_name, Kind) => {
  const orchestrator = (settings = {}) => new Kind({ registry: createRegistry([echo]), ...settings } as any);

  test("an unknown option, of the run, the tool or the call, is refused with the nearest known name", async () => {
    const tool = new Answers([1]);
    for (const [params, message] of [
      [{ options: { timeoutMS: 5 } }, 'did you mean "timeoutMs"'],
      [{ toolOptions: { epsilom: 5 } }, 'did you mean "epsilon"'],
      [{ toolOption: {} }, 'did you mean "toolOptions"'],
      [{ options: { epsilon: 0.1 } }, "options.epsilon is not a run option. Move it to toolOptions.epsilon."],
      [{ maxParallel: 3 }, "maxParallel is not a parameter of run. Move it to options.maxParallel."],
    ] as const) {
      const error = await rejection(orchestrator().run({ tool, request: {}, ...params } as any));
      expect(error).toBeInstanceOf(InvalidOptionsError);
      expect(error.message).toContain(message);
    }
    expect(tool.asked).toEqual([]);
  });

  test("a wrong type names its place, what was given, and what is allowed", async () => {
    const error = await rejection(
      orchestrator().run({ tool: echo, request: {}, options: { budget: { tokens: "many" } } } as any),
    );
    expect(error.issues).toEqual([
      { path: "options.budget.tokens", given: "many", allowed: expect.stringContaining("whole number") },
    ]);
  });

  test("an unknown tool names those that are there", async () => {
    const error = await rejection(orchestrator().run({ toolName: "eco", request: {} } as any));
    expect(error).toBeInstanceOf(ToolNotFoundError);
    expect(error.available).toEqual(["echo"]);
  });

  test("a value that is not a tool is refused before anything runs", async () => {
    for (const tool of [null, "echo", () => 1, { name: "x" }])
      expect(await rejection(orchestrator().run({ tool, request: {} } as any))).toBeInstanceOf(InvalidOptionsError);
  });

  test.each([["a string"], [undefined], [null], [42], [{ odd: true }]])(
    "a tool that throws %j fails, and the next run is untouched",
    async (thrown) => {
      const bad = defineTool({ name: "bad", execute: () => Promise.reject(thrown) });
      const output = await orchestrator({ clock: createFakeClock() }).run({ tool: bad, request: {} });
      expect(output).toMatchObject({ status: "failed", errors: { bad: { isRetryable: false, attempts: 1 } } });
      expect(output.errors?.["bad"]?.message).toContain(typeof thrown === "string" ? thrown : "thrown");
      expect((await orchestrator().run({ tool: echo, request: "next" })).content).toBe("next");
    },
  );

  test("a tool that never settles ends with the run, on time, and what it does later is ignored", async () => {
    const clock = createFakeClock();
    let rejectLate = (_error: Error) => {};
    const never = defineTool({
      name: "never",
      execute: () => new Promise<never>((_, reject) => (rejectLate = reject)),
    });
    const log = eventLog();
    const run = rejection(
      orchestrator({ clock }).run({ tool: never, request: {}, options: { timeoutMs: 50 }, onEvent: log.onEvent }),
    );
    await clock.runAll();
    expect(await run).toMatchObject({ code: "BUDGET_EXCEEDED", budgetType: "timeMs" });
    rejectLate(new Error("too late"));
    await new Promise((resolve) => setImmediate(resolve));
    expect(log.types().at(-1)).toBe("run_failed");
  });

  test("listeners that throw, reject or never return change neither the output nor what others hear", async () => {
    const eventManager = new EventManager();
    eventManager.on("*", () => {
      throw new Error("listener");
    });
    eventManager.on("*", (async () => {
      throw new Error("listener");
    }) as () => void);
    const log = eventLog();
    eventManager.on("*", log.onEvent);
    const output = await orchestrator().run({
      tool: echo,
      request: "x",
      eventManager,
      onEvent: (() => new Promise(() => {})) as any,
    });
    expect(output.content).toBe("x");
    expect(log.types()).toEqual(["run_started", "tool_started", "run_completed"]);
  });

  test("10 MB of text go through whole, and out again", async () => {
    const text = "ü".repeat(5_000_000);
    const output = await orchestrator().run({ tool: echo, request: { text } });
    expect((output.content as { text: string }).text === text).toBe(true);
  });

  test("__proto__ in a request stays a plain key, and reaches no prototype", async () => {
    const request = JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}');
    const output = await orchestrator().run({ tool: echo, request });
    expect(JSON.stringify(output.content)).toBe(JSON.stringify(request));
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test("__proto__ in a model's JSON stays a plain key, votes as one, and reaches no prototype", async () => {
    const text = '{"__proto__": {"polluted": true}, "a": 1}';
    const schema = { type: "object", required: ["a"] };
    const tool = new PromptBundleTool({
      name: "t",
      model: scriptedModel(() => ({ text })),
      prompt: "x",
      defaultOptions: { schema, k: 2 },
    });
    const { evidenceBundle } = unwrap(await orchestrator().run({ tool, request: {} })) as any;
    expect(JSON.stringify(evidenceBundle.replicates[0].data)).toBe('{"__proto__":{"polluted":true},"a":1}');
    expect(evidenceBundle.summary.consensus.a).toBe(1);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  describe("models", () => {
    afterEach(() => void vi.unstubAllEnvs());
    const ask = (model: string) => {
      const tool = new PromptBundleTool({ name: "t", model, prompt: "x" });
      return orchestrator()
        .run({ tool, request: {} })
        .then(
          (output: any) =>
            Object.values(output.errors ?? {})
              .map((error: any) => error.message)
              .join(),
          (error: Error) => error.message,
        );
    };

    test("of an unknown provider are refused, naming those that there are", async () => {
      expect(await ask("opnai:gpt-5")).toMatch(/openai/);
      expect(await ask("just-a-name")).toMatch(/provider/);
    });

    test("whose package is not installed say what to install", async () => {
      expect(await ask("xai:grok-4")).toContain("npm install @ai-sdk/xai");
    });

    test("without a key say which variable is missing", async () => {
      vi.stubEnv("OPENAI_API_KEY", "");
      expect(await ask("openai:gpt-5-mini")).toContain("OPENAI_API_KEY");
    });
  });

  test("a schema that does not compile is refused before the first call", async () => {
    const model = scriptedModel(() => ({ text: "{}" }));
    const tool = new PromptBundleTool({
      name: "t",
      model,
      prompt: "x",
      defaultOptions: { schema: { type: "no such type" } as any },
    });
    const error = await rejection(orchestrator().run({ tool, request: {} }));
    expect(error).toBeInstanceOf(InvalidOptionsError);
    expect(model.calls).toEqual([]);
  });

  test("an unregistered schemaUri is refused before the first call", async () => {
    const tool = new Answers([1]);
    const error = await rejection(
      orchestrator().run({ tool, request: {}, toolOptions: { schemaUri: "https://example.com/x.json" } }),
    );
    expect(error).toBeInstanceOf(InvalidOptionsError);
    expect(error.message).toContain("https://example.com/x.json");
    expect(tool.asked).toEqual([]);
  });

  test("a request that contains itself is refused, with its path", async () => {
    const request: Record<string, unknown> = { list: [] };
    (request["list"] as unknown[]).push({ request });
    const error = await rejection(orchestrator().run({ tool: echo, request }));
    expect(error.issues[0].path).toMatch(/^request\.list/);
  });
});

test("two faults are told at once", async () => {
  const tool = defineTool({ name: "t", input: z.object({ id: z.string(), n: z.number() }), execute: () => 1 });
  const error = await rejection(
    new ReliableOrchestrator({ state: new ReliabilityState() }).run({ tool, request: { id: 1, n: "x" } as any }),
  );
  expect(error.issues.map(({ path }: { path: string }) => path)).toEqual(["request.id", "request.n"]);
});
