import { describe, expect, test } from "vitest";
import {
  BundleTool,
  defineTool,
  hasEvidence,
  type OrchestrationEvent,
  type OrchestrationOutput,
  PromptBundleTool,
  ReliableOrchestrator,
  type ReplicateContext,
  type ReplicateSpec,
  type ResolvedBundleOptions,
  type ToolContext,
} from "../../src/index.ts";
import { createFakeClock, type FakeClock, type ScriptedModel, scriptedModel } from "../../src/testing.ts";

const usage = { inputTokens: 1, outputTokens: 1, totalTokens: 2 };
const maxRetries = 3;

/** Asked by other tools, with the context that these have. */
class Vote extends BundleTool<number, number> {
  readonly name = "vote";
  override readonly defaultOptions = { k: 2, stopping: "none" as const };
  asked = 0;

  override async executeReplicate(request: number) {
    this.asked++;
    return { data: request, usage, costUsd: 0.01 };
  }
}

class BusyVote extends Vote {
  override readonly defaultOptions = { k: 1, stopping: "none" as const };

  override async executeReplicate(): Promise<never> {
    this.asked++;
    throw Object.assign(new Error("busy"), { statusCode: 503 });
  }
}

class SlowVote extends Vote {
  override readonly defaultOptions = { k: 6, stopping: "none" as const, maxParallel: 1 };
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    super();
    this.#clock = clock;
  }

  override async executeReplicate(request: number) {
    this.asked++;
    await this.#clock.sleep(60);
    return { data: request, usage, costUsd: 0.01 };
  }
}

async function consensusOf(vote: Vote, request: number, context: ToolContext): Promise<number> {
  return (await vote.execute(request, {}, context)).evidenceBundle.summary.consensus as number;
}

const plain = (vote: Vote) =>
  defineTool({ name: "plain", execute: (request: number, _, context) => consensusOf(vote, request, context) });

/** Each of its replicates is what another bundle tool agrees on. */
const replicated = (vote: Vote, k = 1) =>
  new (class extends BundleTool<number, number> {
    readonly name = "replicated";
    override readonly defaultOptions = { k, stopping: "none" as const };
    override async executeReplicate(request: number, _: ReplicateSpec, context: ReplicateContext) {
      return { data: await consensusOf(vote, request, context) };
    }
  })();

/** The bundle of another bundle tool, as its own. */
const whole = (vote: Vote) =>
  new (class extends BundleTool<number, number> {
    readonly name = "whole";
    override async executeBundle(request: number, _: ResolvedBundleOptions, context: ToolContext) {
      return (await vote.execute(request, {}, context)).evidenceBundle;
    }
  })();

const kinds = [
  ["a plain tool", plain],
  ["executeReplicate", replicated],
  ["executeBundle", whole],
] as const;

async function settled(tool: any, options: object = {}, reliabilityConfig: object = {}, clock = createFakeClock()) {
  const orchestrator = new ReliableOrchestrator({ clock, reliabilityConfig: { maxRetries, ...reliabilityConfig } });
  const pending: Promise<OrchestrationOutput> = orchestrator.run({ tool, request: 7, ...options });
  pending.catch(() => {});
  await clock.runAll();
  return pending;
}

describe.each(kinds)("%s that runs a bundle tool with its own context", (_, around) => {
  test.each([{ tokens: 1_000 }, { costUsd: 1 }])(
    "ends under a budget of %o, and counts what is used once",
    async (budget) => {
      const output = await settled(around(new Vote()), { options: { budget } });
      expect(output).toMatchObject({ status: "completed", usage: { totalTokens: 4, requests: 2 }, costUsd: 0.02 });
    },
  );

  test("starts nothing that its budget has no room for", async () => {
    const vote = new Vote();
    Object.assign(vote, { estimate: () => ({ tokens: 600 }) });
    const output = await settled(around(vote), { options: { budget: { tokens: 601 } } }).catch(
      ({ partial }) => partial,
    );
    expect(vote.asked).toBe(1);
    expect(output).toMatchObject({ usage: { totalTokens: 2, requests: 1 } });
  });

  test("has as many attempts as maxRetries says, not that many for each of them", async () => {
    const vote = new BusyVote();
    const output = await settled(around(vote));
    expect(output).toMatchObject({ status: "failed" });
    expect(vote.asked).toBe(maxRetries + 1);
  });

  test("asks for nothing more once the time of its attempt is up", async () => {
    const clock = createFakeClock();
    const vote = new SlowVote(clock);
    const output = await settled(around(vote), {}, { attemptTimeoutMs: 100, maxRetries: 0 }, clock);
    expect(output.status).not.toBe("completed");
    expect(vote.asked).toBe(2);
  });
});

test("a replicate says what the bundles that it has run have used", async () => {
  const output = await settled(replicated(new Vote(), 2));
  const replicates = hasEvidence(output) ? output.content.evidenceBundle.replicates : [];
  expect(replicates.map(({ usage, costUsd }) => [usage?.totalTokens, costUsd])).toEqual([
    [4, 0.02],
    [4, 0.02],
  ]);
  expect(output.usage.totalTokens).toBe(8);
});

describe("a context that is handed on with a signal of the tool's own", () => {
  const spreading = (vote: Vote, signal: AbortSignal) => [
    defineTool({
      name: "plain",
      execute: (request: number, _, context) => consensusOf(vote, request, { ...context, signal }),
    }),
    new (class extends BundleTool<number, number> {
      readonly name = "replicated";
      override readonly defaultOptions = { k: 1 };
      override async executeReplicate(request: number, _: ReplicateSpec, context: ReplicateContext) {
        return { data: await consensusOf(vote, request, { ...context, signal }) };
      }
    })(),
  ];

  test.each([0, 1])("is kept to the run's budget, and what is spent with it counts", async (index) => {
    const vote = new Vote();
    const tool = spreading(vote, new AbortController().signal)[index];
    const output = await settled(tool, { options: { budget: { costUsd: 0.01 } } }).catch(({ partial }) => partial);
    expect(vote.asked).toBe(1);
    expect(output).toMatchObject({ usage: { totalTokens: 2 }, costUsd: 0.01 });
  });

  test.each([0, 1])("ends with that signal, and with the run", async (index) => {
    for (const ending of ["signal", "run"]) {
      const clock = createFakeClock();
      const vote = new SlowVote(clock);
      const own = new AbortController();
      const run = new AbortController();
      const pending = new ReliableOrchestrator({ clock }).run({
        tool: spreading(vote, own.signal)[index] as any,
        request: 7,
        signal: run.signal,
      });
      pending.catch(() => {});
      await clock.advance(100);
      (ending === "run" ? run : own).abort(Object.assign(new Error("enough"), { statusCode: 400 }));
      await clock.runAll();
      const outcome = await pending.catch(({ code }) => ({ status: code }));
      expect(outcome.status).toBe(ending === "run" ? "CANCELLED" : ["partial", "failed"][index]);
      expect(vote.asked).toBe(2);
    }
  });
});

describe("the ceilings of super.executeBundle inside an overridden one are those of a bundle that is not", () => {
  class Whole extends PromptBundleTool<string, string> {
    override async executeBundle(request: any, options: ResolvedBundleOptions, context: ToolContext) {
      return super.executeBundle(request, options, context);
    }
  }

  /** What each answer was allowed to use. */
  async function allowed(Tool: typeof PromptBundleTool<string, string>, ceilings: object) {
    const mostOf = ({ calls }: ScriptedModel) => calls.map(({ options }) => options.maxOutputTokens ?? 0);
    const model = scriptedModel(() => ({ text: "yes", usage: { inputTokens: 20, outputTokens: 300 } }));
    const defaultOptions = { k: 5, stopping: "none" as const, ...ceilings };
    const tool = new Tool({ name: "t", model, prompt: "{{q}}", defaultOptions });
    const told: OrchestrationEvent["type"][] = [];
    const options = { budget: { tokens: 4_000 } };
    const onEvent = ({ type }: OrchestrationEvent) => told.push(type);
    const output = await settled(tool, { request: { q: "hello" }, options, onEvent });
    return {
      most: mostOf(model),
      tokens: output.usage.totalTokens,
      warnings: told.filter((type) => type === "warning").length,
    };
  }

  test.each([{}, { globalBudget: { tokens: 3_000 } }, { perReplicateBudget: { tokens: 600 } }])(
    "%o",
    async (ceilings) => {
      const each = await allowed(PromptBundleTool, ceilings);
      expect(await allowed(Whole, ceilings)).toEqual(each);
      expect(each.most).toHaveLength(5);
      expect(each.tokens).toBeLessThanOrEqual(4_000);
    },
  );
});
