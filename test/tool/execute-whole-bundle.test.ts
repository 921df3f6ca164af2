import { describe, expect, test } from "vitest";
import {
  BundleTool,
  createEvidenceBundle,
  hasEvidence,
  type OrchestrationEvent,
  Orchestrator,
  ReliableOrchestrator,
  type ReplicateSpec,
  type ResolvedBundleOptions,
  type ToolContext,
} from "../../src/index.ts";
import { createFakeClock } from "../../src/testing.ts";
import { storeWith } from "../orchestrate/store-with.ts";

const usage = { inputTokens: 3, outputTokens: 2, totalTokens: 5 };

/** Asks through the base class, from an `executeBundle` of its own. */
class Own extends BundleTool<object, number> {
  readonly name = "own";
  asked = 0;

  override executeBundle(request: object, options: ResolvedBundleOptions, context: ToolContext) {
    return super.executeBundle(request, { ...options, k: 3 }, context);
  }

  override async executeReplicate(_request: object, { index }: ReplicateSpec) {
    if (this.asked++ < 3) throw Object.assign(new Error("busy"), { statusCode: 503 });
    return { data: index % 2, usage };
  }
}

test("an overridden executeBundle that asks through the base class is one call: guarded, retried and paid for as a whole", async () => {
  const clock = createFakeClock();
  const tool = new Own();
  const pending = new ReliableOrchestrator({ clock }).run({ tool, request: {}, toolOptions: { stopping: "none" } });
  await clock.runAll();
  const output = await pending;
  expect(output.status).toBe("completed");
  expect(tool.asked).toBe(6);
  expect(output.usage).toMatchObject({ totalTokens: 15, requests: 3 });
  expect(hasEvidence(output) && output.content.evidenceBundle.summary.consensus).toBe(0);
});

test("counts the usage of the replicates of a bundle if the tool has reported none", async () => {
  class Silent extends BundleTool<object, number> {
    readonly name = "silent";

    override async executeBundle(_request: object, options: ResolvedBundleOptions) {
      const replicate = {
        valid: true,
        data: 1,
        quality: { valid: true },
        model: "own",
        attempts: 1,
        elapsedMs: 1,
      } as const;
      const replicates = [1, 2].map((seed) => ({ ...replicate, id: `r${seed}`, seed, usage, costUsd: 0.25 }));
      return createEvidenceBundle<number>({ task: this.name, replicates, options });
    }
  }
  const output = await new Orchestrator().run({ tool: new Silent(), request: {} });
  expect(output).toMatchObject({ status: "completed", usage: { totalTokens: 10, requests: 2 }, costUsd: 0.5 });
});

test("asks for nothing more once it is aborted, however late its replicates come", async () => {
  const clock = createFakeClock();
  class Deaf extends Own {
    override async executeReplicate() {
      this.asked++;
      await clock.sleep(500);
      return { data: 1, usage };
    }
  }
  const tool = new Deaf();
  const pending = new Orchestrator({ clock })
    .run({ tool, request: {}, toolOptions: { maxParallel: 1 }, options: { timeoutMs: 100 } })
    .catch((error: unknown) => error);
  await clock.runAll();
  expect(await pending).toMatchObject({ code: "BUDGET_EXCEEDED", budgetType: "timeMs" });
  expect(tool.asked).toBe(1);
});

test.each([undefined, null, {}, { replicates: [] }, "yes"])(
  "what is no evidence bundle (%o) is a failure that says what to give, and what was paid for it counts",
  async (given) => {
    const tool = new (class extends BundleTool<object, number> {
      readonly name = "own";
      override async executeBundle(_request: object, _options: ResolvedBundleOptions, context: ToolContext) {
        context.reportUsage(usage);
        return given as never;
      }
    })();
    const output = await new Orchestrator().run({ tool, request: {} });
    expect(output).toMatchObject({ status: "failed", usage: { totalTokens: 5 } });
    expect(output.errors?.["own"]?.message).toContain('executeBundle of "own" has to give an evidence bundle');
  },
);

describe("failures of the replicates of an overridden executeBundle", () => {
  const failing = (fail: (asked: number) => unknown) =>
    new (class extends Own {
      override async executeReplicate(): Promise<never> {
        throw fail(++this.asked);
      }
    })();

  async function outcomeOf(tool: Own, maxParallel = 1) {
    const clock = createFakeClock();
    const told: OrchestrationEvent[] = [];
    const orchestrator = new ReliableOrchestrator({ clock, reliabilityConfig: { maxRetries: 2 } });
    const toolOptions = { stopping: "none", maxParallel } as const;
    const onEvent = (event: OrchestrationEvent) => told.push(event);
    const pending = orchestrator.run({ tool, request: {}, toolOptions, onEvent });
    await clock.runAll();
    return { ...(await pending), told };
  }

  test("say what a guarded call's would: type, code, category, attempts, and what makes them not worth another", async () => {
    const tool = failing(() => Object.assign(new RangeError("busy"), { statusCode: 503 }));
    const { status, errors, told } = await outcomeOf(tool);
    expect(status).toBe("failed");
    expect(errors?.["own"]).toEqual({
      type: "RangeError",
      message: "busy",
      code: "HTTP_503",
      category: "server_error",
      isRetryable: true,
      attempts: 3,
    });
    expect(tool.asked).toBe(9);
    expect(told.flatMap((event) => (event.type === "retry_scheduled" ? [event.error.message] : []))).toEqual([
      "busy",
      "busy",
    ]);
    const done = told.flatMap((event) => (event.type === "replicate_done" ? [event.replicate.attempts] : []));
    expect(done).toEqual([1, 1, 1, 2, 2, 2, 3, 3, 3]);
  });

  test("that all others would meet as well end the asking at once", async () => {
    const tool = failing(() => Object.assign(new Error("wrong key"), { statusCode: 401 }));
    const { errors } = await outcomeOf(tool);
    expect(errors?.["own"]).toMatchObject({ code: "HTTP_401", category: "authentication", attempts: 1 });
    expect(tool.asked).toBe(1);
  });

  test("leave the answers before them to a bundle that ends there", async () => {
    const tool = new (class extends Own {
      override async executeReplicate(_request: object, { index }: ReplicateSpec) {
        this.asked++;
        if (index === 1) throw Object.assign(new Error("no funds"), { statusCode: 402 });
        return { data: 7, usage };
      }
    })();
    const output = await outcomeOf(tool);
    expect(output).toMatchObject({ status: "partial", errors: { own: { category: "quota_exhausted", attempts: 1 } } });
    expect(output.content).toMatchObject({ evidenceBundle: { summary: { consensus: 7 } } });
    expect(tool.asked).toBe(2);
  });

  test("are known to be what they are where no retries are asked for either", async () => {
    const tool = failing(() => Object.assign(new Error("wrong key"), { statusCode: 401 }));
    const output = await new Orchestrator().run({ tool, request: {}, toolOptions: { maxParallel: 1 } });
    expect(output).toMatchObject({ status: "failed", errors: { own: { category: "authentication", attempts: 1 } } });
    expect(tool.asked).toBe(1);
  });
});

describe("evidence of super.executeBundle outlives an overridden executeBundle that", () => {
  /** Answers twice, and then no more. */
  class Stalling extends Own {
    override async executeReplicate(_request: object, { index }: ReplicateSpec) {
      return index < 2 ? { data: 7, usage } : new Promise<never>(() => {});
    }
  }
  const found = { evidenceBundle: { summary: { consensus: 7, validCount: 2 } } };

  async function settled(tool: Own, options: object, reliabilityConfig: object = {}) {
    const clock = createFakeClock();
    const orchestrator = new ReliableOrchestrator({ clock, reliabilityConfig });
    const pending = orchestrator.run({ tool, request: {}, toolOptions: { stopping: "none" }, ...options });
    pending.catch(() => {});
    await clock.runAll();
    return pending;
  }

  test("passes the run's deadline: the output is partial", async () => {
    const output = await settled(new Stalling(), { options: { timeoutMs: 1_000 } });
    expect(output).toMatchObject({ status: "partial", content: found });
    expect(hasEvidence(output) && output.content.evidenceBundle.meta.earlyStopReason).toBe("time");
  });

  test("passes the time of its attempt: the output is partial, and says that it did", async () => {
    const output = await settled(new Stalling(), {}, { attemptTimeoutMs: 1_000, maxRetries: 0 });
    expect(output).toMatchObject({ status: "partial", content: found, errors: { own: { category: "timeout" } } });
  });

  test("passes the run's deadline in a later attempt that has found nothing: what an earlier one found is there", async () => {
    class Slower extends Own {
      override async executeReplicate(_request: object, { index }: ReplicateSpec) {
        return index === 0 && this.asked++ === 0 ? { data: 7, usage } : new Promise<never>(() => {});
      }
    }
    const store = storeWith(() => ({ append: () => new Promise(() => {}) }));
    const clock = createFakeClock();
    const reliabilityConfig = { attemptTimeoutMs: 600, initialDelayMs: 0 };
    const pending = new ReliableOrchestrator({ clock, store, reliabilityConfig }).run({
      tool: new Slower(),
      request: {},
      toolOptions: { stopping: "none" },
      options: { timeoutMs: 1_000, idempotencyKey: "key" },
    });
    pending.catch(() => {});
    await clock.advance(1_000);
    const consensus = { summary: { consensus: 7 } };
    expect(await pending.catch(({ partial }) => partial)).toMatchObject({ content: { evidenceBundle: consensus } });
  });

  test("passes the run's deadline in its second question: what there is does not answer the first", async () => {
    class Refining extends Own {
      override async executeBundle(_request: object, options: ResolvedBundleOptions, context: ToolContext) {
        await super.executeBundle({ q: "draft" }, options, context);
        return super.executeBundle({ q: "final" }, options, context);
      }
      #finals: number;
      constructor(finals: number) {
        super();
        this.#finals = finals;
      }
      override async executeReplicate(request: object) {
        const { q } = request as { q: string };
        if (q === "draft" || this.#finals-- > 0) return { data: q as never, usage };
        return new Promise<never>(() => {});
      }
    }
    const options = { options: { timeoutMs: 1_000 } };
    const some = await settled(new Refining(1), options);
    expect(some).toMatchObject({ status: "partial", content: { evidenceBundle: { summary: { consensus: "final" } } } });
    const none = await settled(new Refining(0), options).catch((error: unknown) => error);
    expect(none).toMatchObject({ code: "BUDGET_EXCEEDED", budgetType: "timeMs" });
    // The first question again, in a second attempt, takes nothing from the answer to the second one.
    const retried = { attemptTimeoutMs: 600, initialDelayMs: 0 };
    const again = await settled(new Refining(1), options, retried);
    expect(again).toMatchObject({ content: { evidenceBundle: { summary: { consensus: "final" } } } });
  });

  test("is cancelled: the error holds it", async () => {
    const caller = new AbortController();
    const onEvent = ({ type }: OrchestrationEvent) => type === "partial_summary" && caller.abort();
    await expect(settled(new Stalling(), { signal: caller.signal, onEvent })).rejects.toMatchObject({
      code: "CANCELLED",
      partial: { content: found },
    });
  });

  test("fails by itself afterwards: the output is failed, and holds it", async () => {
    class Failing extends Own {
      override async executeBundle(request: object, options: ResolvedBundleOptions, context: ToolContext) {
        const bundle = await super.executeBundle(request, options, context);
        if (bundle.summary.validCount > 0) throw new Error("cannot be merged");
        return bundle;
      }
      override executeReplicate = async () => ({ data: 7, usage });
    }
    const output = await settled(new Failing(), {});
    expect(output).toMatchObject({ status: "failed", errors: { own: { message: "cannot be merged" } } });
    expect(output.content).toMatchObject({ evidenceBundle: { summary: { consensus: 7 } } });
  });
});
