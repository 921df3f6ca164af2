import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { errorCategories } from "../../src/contract/error-category.ts";
import { BudgetExceeded, ConflictError, StoreError } from "../../src/contract/errors.ts";
import {
  createRegistry,
  defineTool,
  type OrchestrationOutput,
  type OutputError,
  ReliableOrchestrator,
} from "../../src/index.ts";
import { type Disposition, type RunJob, runJob } from "../../src/queue.ts";
import { ReliabilityState, RetryableError } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";

const job: RunJob = { key: "a", toolName: "ask", toolVersion: "1.0.0", request: { question: "?" } };
const never = new AbortController().signal;

/** Runs the job with a tool that answers, or throws, as told; no retry inside the run hides it. */
function outcomeOf(execute: () => unknown, given: Partial<RunJob> = {}, attempt = 1, signal = never) {
  const ask = defineTool({ name: "ask", execute: async () => execute() });
  const orchestrator = new ReliableOrchestrator({
    store: new MemoryStore(),
    // A pause that one provider asks for would hold up the tools of other tests.
    state: new ReliabilityState(),
    registry: createRegistry([ask]),
    reliabilityConfig: { maxRetries: 0, storeRetryMs: 0 },
  });
  return runJob(orchestrator, { ...job, ...given }, { signal, attempt });
}

function throwing(error: unknown): () => never {
  return () => {
    throw error;
  };
}

const refused = (status: number, more: object = {}) => Object.assign(new Error(`HTTP ${status}`), { status, ...more });

describe("what an outcome means for the job", () => {
  test("a whole answer is done", async () => {
    expect(await outcomeOf(() => 42)).toMatchObject({ done: { status: "completed", content: 42 } });
  });

  test("a failure that the request itself fixes is done", async () => {
    expect(await outcomeOf(throwing(refused(400)))).toMatchObject({ done: { status: "failed" } });
  });

  test("a passing failure comes again with growing waits, as an attempt", async () => {
    const waits = [];
    for (const attempt of [1, 2, 3, 15]) waits.push(await outcomeOf(throwing(refused(503)), {}, attempt));
    expect(waits).toMatchObject([1_000, 2_000, 4_000, 300_000].map((retryInMs) => ({ retryInMs })));
    expect(waits[0]).not.toHaveProperty("isAttempt", false);
  });

  test("a 429 comes again when its server says so, and is no attempt", async () => {
    const error = new RetryableError("slow down", { retryAfterMs: 7_000 });
    const limited = Object.assign(error, { status: 429 });
    expect(await outcomeOf(throwing(limited))).toMatchObject({ retryInMs: 7_000, isAttempt: false });
  });

  test("an open circuit comes again when it may close, and is no attempt", async () => {
    const ask = defineTool({ name: "ask", execute: throwing(refused(503)) });
    const orchestrator = new ReliableOrchestrator({
      store: new MemoryStore(),
      state: new ReliabilityState(),
      registry: createRegistry([ask]),
      reliabilityConfig: { maxRetries: 0, circuitBreaker: { failureThreshold: 1, openMs: 42_000 } },
    });
    await runJob(orchestrator, job, { signal: never });
    const spared = (await runJob(orchestrator, job, { signal: never })) as { retryInMs: number };
    expect(spared).toMatchObject({ isAttempt: false });
    expect(spared.retryInMs).toBeGreaterThan(40_000);
  });

  test("a passed deadline comes again: the answers so far are in the journal", async () => {
    expect(await rejecting(new BudgetExceeded("timeMs", 10, 12))).toMatchObject({ retryInMs: 1_000 });
  });

  test("a store that is away comes again", async () => {
    const facts = { store: "postgres", operation: "claim", reason: "unavailable", advice: "Wait." } as const;
    expect(await rejecting(new StoreError(facts))).toMatchObject({ retryInMs: 1_000 });
  });

  test("a key in flight elsewhere comes again after its lease, and is no attempt", async () => {
    const store = new MemoryStore();
    const ask = defineTool({ name: "ask", execute: async () => 42 });
    const orchestrator = new ReliableOrchestrator({ store, registry: createRegistry([ask]) });
    const first = await runJob(orchestrator, job, { signal: never });
    expect(first).toHaveProperty("done");
    const [record] = await store.list();
    await store.purge(["a"]);
    await store.claim("a", record?.fingerprint ?? "", { leaseMs: 20_000, owner: "another process" });
    const again = await runJob(orchestrator, job, { signal: never });
    expect(again).toMatchObject({ isAttempt: false });
    expect((again as { retryInMs: number }).retryInMs).toBeGreaterThan(15_000);
  });

  test("a dead worker holds up a key no longer than its queue takes to give the job away", async () => {
    const ask = defineTool({ name: "ask", execute: async () => 42 });
    const leases: number[] = [];
    for (const leaseMs of [undefined, 600_000, 2_000]) {
      const store = new MemoryStore();
      const claim: MemoryStore["claim"] = (key, fingerprint, options) => {
        leases.push(options.leaseMs);
        return MemoryStore.prototype.claim.call(store, key, fingerprint, options);
      };
      const settings = { store: Object.assign(store, { claim }), registry: createRegistry([ask]) };
      await runJob(new ReliableOrchestrator({ ...settings, reliabilityConfig: { leaseMs } }), job, { signal: never });
    }
    expect(leases).toEqual([7_000, 7_000, 2_000]);
  });

  test("a key of another request is dead at once", async () => {
    const store = new MemoryStore();
    const ask = defineTool({ name: "ask", execute: async () => 42 });
    const orchestrator = new ReliableOrchestrator({ store, registry: createRegistry([ask]) });
    await runJob(orchestrator, job, { signal: never });
    const other = await runJob(orchestrator, { ...job, request: { question: "another" } }, { signal: never });
    expect(other).toMatchObject({ dead: { code: "CONFLICT" } });
  });

  test("options that no run takes are dead at once", async () => {
    expect(await outcomeOf(() => 42, { options: { maxParallel: -1 } })).toMatchObject({
      dead: { code: "INVALID_OPTIONS", message: expect.stringContaining("maxParallel") },
    });
  });

  test("a failure that neither waiting nor the request mends is dead", async () => {
    for (const status of [401, 402]) expect(await outcomeOf(throwing(refused(status)))).toHaveProperty("dead");
    expect(await outcomeOf(throwing(new TypeError("a bug")))).toHaveProperty("dead");
  });

  test("another version of the tool is left to other workers", async () => {
    for (const given of [{ toolVersion: "2.0.0" }, { toolName: "unknown" }])
      expect(await outcomeOf(() => 42, given)).toMatchObject({ retryInMs: expect.any(Number), isAttempt: false });
  });

  test("a drained worker gives its job back at once", async () => {
    const drain = new AbortController();
    const running = outcomeOf(() => new Promise(() => drain.abort(new Error("drained"))), {}, 3, drain.signal);
    expect(await running).toMatchObject({ retryInMs: 0, isAttempt: false });
  });

  test("the run has the trace of the caller, and the key of the job", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const { done } = (await outcomeOf(() => 42, { traceparent })) as { done: OrchestrationOutput };
    expect(done.traceId).toBe("0af7651916cd43dd8448eb211c80319c");
  });
});

/** Gives the job an orchestrator whose run ends so. */
function runEndingAs(run: () => Promise<OrchestrationOutput>, attempt: number): Promise<Disposition> {
  const registry = { get: () => ({ version: "1.0.0" }) };
  return runJob({ forQueue: () => ({ registry, runQueued: run }) } as never, job, { signal: never, attempt });
}

const rejecting = (error: unknown, attempt = 1) => runEndingAs(() => Promise.reject(error), attempt);

test("every outcome means one thing, and no job is tried for ever by its own fault", async () => {
  const failure = fc.record({
    type: fc.constant("Error"),
    message: fc.string(),
    code: fc.constantFrom("X", "ECONNREFUSED", "CONFLICT"),
    isRetryable: fc.boolean(),
    attempts: fc.nat(5),
    category: fc.constantFrom(...Object.keys(errorCategories)),
  });
  const output = fc
    .record({
      status: fc.constantFrom("completed", "partial", "failed"),
      errors: fc.dictionary(fc.constantFrom("ask", "other"), failure, { minKeys: 1 }),
    })
    .map(
      ({ status, errors }) =>
        ({
          status,
          errors,
          content: null,
          usage: { totalTokens: 0 },
          metadata: { toolName: "ask" },
        }) as unknown as OrchestrationOutput,
    );
  const error = fc.constantFrom<unknown>(
    new Error("x"),
    new ConflictError("a", "held", { reason: "in_flight", retryAfterMs: 9 }),
    new ConflictError("a", "other"),
    new BudgetExceeded("tokens", 1, 2),
    new BudgetExceeded("timeMs", 1, 2),
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(output, error), fc.integer({ min: 1, max: 40 }), async (end, attempt) => {
      const isOutput = !(end instanceof Error);
      const given = await runEndingAs(
        () => (isOutput ? Promise.resolve(end as OrchestrationOutput) : Promise.reject(end)),
        attempt,
      );
      const kinds = ["done", "dead", "retryInMs"].filter((kind) => kind in given);
      expect(kinds).toHaveLength(1);
      if ("done" in given) expect(given.done).toBe(end);
      const failures: OutputError[] = isOutput ? Object.values((end as OrchestrationOutput).errors ?? {}) : [];
      if (isOutput && (end as OrchestrationOutput).status === "completed") expect(given).toHaveProperty("done");
      if (isOutput && (end as OrchestrationOutput).status === "partial") expect(given).not.toHaveProperty("done");
      if (!("retryInMs" in given)) return;
      expect(given.retryInMs).toBeGreaterThanOrEqual(0);
      expect(given.retryInMs).toBeLessThanOrEqual(300_000);
      if (given.isAttempt !== false) expect(attempt).toBeLessThan(20);
      else if (isOutput)
        expect(failures.map(({ category }) => category)).toSatisfy((categories: string[]) =>
          categories.some((category) => category === "rate_limit" || category === "circuit_open"),
        );
      else expect(ConflictError.isInstance(end) && end.reason).toBe("in_flight");
    }),
  );
});
