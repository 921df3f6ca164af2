import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  type Budget,
  type LanguageModelLike,
  type OrchestrationEvent,
  PromptBundleTool,
  type PromptBundleToolOptions,
  ReliableOrchestrator,
} from "../../../src/index.ts";
import { ReliabilityState } from "../../../src/reliability.ts";
import { ceilingOf, overrunOf, runScenario, scenarioOf, tightness } from "../../support/budget-scenario.ts";
import { type Reply, type Seen, startServer } from "../../support/vendor-server.ts";

const seeds = Array.from({ length: 24 }, (_, seed) => seed);

describe.each(seeds)("budget scenario %i", (seed) => {
  const scenario = scenarioOf(seed);

  test("works with a roomy ceiling as it does without one", async () => {
    const free = await runScenario(scenario);
    const { status, validCount, tooSmall } = await runScenario(scenario, ceilingOf(seed, free, 10));
    expect({ status, validCount, tooSmall }).toEqual({ status: "completed", validCount: scenario.k, tooSmall: 0 });
  });

  test("keeps to a tight ceiling, without a call whose limit is known to be too small", async () => {
    const free = await runScenario(scenario);
    const ceiling = ceilingOf(seed, free, tightness(seed));
    const tight = await runScenario(scenario, ceiling);
    expect(tight.tooSmall).toBe(0);
    expect(overrunOf(tight, ceiling)).toBeLessThanOrEqual(0.1);
  });
});

const schema = z.object({ n: z.number() });
const good: Reply = {};
const json = '{"n": 1}';

interface Ask {
  readonly budget: Budget;
  readonly tool?: Partial<PromptBundleToolOptions<string, any, string>>;
  readonly k?: number;
  readonly maxParallel?: number;
  readonly settings?: { estimateTokens?: (text: string) => number };
}

async function ask(model: LanguageModelLike, { budget, tool: more, k = 1, maxParallel = 10, settings }: Ask) {
  const defaultOptions = { k, maxParallel, stopping: "none" as const };
  const tool = new PromptBundleTool({ name: "t", model, prompt: "How many?", ...more, defaultOptions });
  const events: OrchestrationEvent[] = [];
  const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState(), ...settings });
  const run = () =>
    orchestrator
      .run({ tool, request: {}, options: { budget }, onEvent: (event) => events.push(event) })
      .catch((error) => error);
  return { output: await run(), events, again: run };
}

/** Thinks for so many tokens before it writes. */
const thinking =
  (thoughts: number) =>
  ({ limit = Number.POSITIVE_INFINITY }: Seen): Reply => {
    const isCut = limit < thoughts + 5;
    const outputTokens = isCut ? limit : thoughts + 5;
    return { text: isCut ? "" : json, isCut, outputTokens, reasoningTokens: Math.min(thoughts, outputTokens) };
  };

test("an answer that its budget cut off is asked for again with more room, and with the same words", async () => {
  await using server = await startServer((seen) => ({ ...thinking(40_000)(seen), inputTokens: 20 }));
  const { output } = await ask(server.model("openai-compatible"), {
    budget: { tokens: 100_000 },
    tool: { schema },
    k: 3,
    maxParallel: 1,
  });
  const [first, second] = server.seen;
  expect(first?.limit).toBeLessThan(40_000);
  expect(second?.limit).toBeGreaterThan(1.5 * (first?.limit as number));
  expect(second?.body.messages).toEqual(first?.body.messages);
  expect(output).toMatchObject({ status: "partial", content: { evidenceBundle: { summary: { validCount: 1 } } } });
});

test("a model that thinks long is asked once with all that is left, rather than by each call with a part of it", async () => {
  await using server = await startServer((seen) => ({ ...thinking(17_000)(seen), inputTokens: 20 }));
  const { output } = await ask(server.model("openai-compatible"), {
    budget: { tokens: 60_000 },
    tool: { schema },
    k: 4,
  });
  expect(output).toMatchObject({ status: "partial", content: { evidenceBundle: { summary: { validCount: 3 } } } });
  expect(server.seen.length).toBe(3);
});

test("an answer that did not fit into all that was left ends the bundle, and the error names the limit and its origin", async () => {
  await using server = await startServer(thinking(3_500));
  const { output } = await ask(server.model("google"), { budget: { tokens: 3_000 }, tool: { schema }, k: 4 });
  expect(server.seen.length).toBe(1);
  const limit = server.seen[0]?.limit as number;
  expect(output).toMatchObject({ code: "BUDGET_EXCEEDED", budgetType: "tokens", limit: 3_000 });
  expect(output.message).toContain(`did not fit into ${limit} output tokens`);
  expect(output.message).toMatch(/up to \d+ could be used/);
});

test("a text that its budget cut off votes, with a warning that names the budget", async () => {
  await using server = await startServer(({ limit = 0 }) => ({ text: "One, two,", isCut: true, outputTokens: limit }));
  const { output } = await ask(server.model("anthropic"), { budget: { tokens: 400 } });
  const [replicate] = output.content.evidenceBundle.replicates;
  expect(replicate.quality.warnings.at(-1)).toMatch(/cut off at \d+ output tokens.*the budget set/);
});

test("an answer that the user's own limit cut off says to raise it", async () => {
  await using server = await startServer(() => ({ text: '{"n": ', isCut: true, outputTokens: 5 }));
  const tool = { schema, maxOutputTokens: 5 };
  const { output } = await ask(server.model("openai-chat"), { budget: { tokens: 4_000 }, tool });
  expect(output.errors.t.message).toMatch(/cut off at its length limit, 5 tokens. Raise maxOutputTokens/);
});

test("a call is not made for which less is left than the lowest limit that servers take", async () => {
  await using server = await startServer(({ limit = 16 }) =>
    limit < 16 ? { status: 400, body: { error: { message: "too low" } } } : good,
  );
  const model = server.model("openai-responses");
  for (let tokens = 20; tokens < 50; tokens++) {
    const { output } = await ask(model, { budget: { tokens } });
    expect(["completed", undefined]).toContain(output.status);
  }
  expect(server.seen.filter(({ limit }) => limit !== undefined && limit < 16)).toEqual([]);
});

test("the first answer of a tool has room for thoughts; later ones, and later bundles, share the budget", async () => {
  await using server = await startServer(() => ({ outputTokens: 40 }));
  const { events, again } = await ask(server.model("openai-compatible"), { budget: { tokens: 6_000 }, k: 4 });
  await again();
  const reserved = events.flatMap((event) =>
    event.type === "budget_reserved" ? [event.reserved.tokens as number] : [],
  );
  expect(reserved.length).toBe(8);
  expect(reserved[0]).toBeGreaterThan(5_900);
  for (const later of reserved.slice(1)) expect(later).toBeLessThan(3_000);
});

test("the user's estimateTokens decides what a prompt takes", async () => {
  await using server = await startServer(() => ({}));
  const settings = { estimateTokens: () => 5_000 };
  const { output } = await ask(server.model("openai-chat"), { budget: { tokens: 4_000 }, settings });
  expect(output).toMatchObject({ code: "BUDGET_EXCEEDED" });
  expect(server.seen).toEqual([]);
});

test("the real size of the prompt, once told, takes the place of the estimate", async () => {
  await using server = await startServer(() => ({ inputTokens: 900, outputTokens: 20 }));
  const { output } = await ask(server.model("openai-chat"), { budget: { tokens: 2_000 }, k: 3 });
  expect(output).toMatchObject({ status: "partial", usage: { totalTokens: 1_840 } });
  expect(server.seen.length).toBe(2);
});
