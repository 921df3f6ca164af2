import { describe, expect, test } from "vitest";
import { defineTool, PromptBundleTool, ReliableOrchestrator, StoreError } from "../../../src/index.ts";
import { ReliabilityState, type RunStore } from "../../../src/reliability.ts";
import { MemoryStore } from "../../../src/stores/memory.ts";
import { createFakeClock, type FakeClock, scriptedModel } from "../../../src/testing.ts";
import { storeWith } from "../store-with.ts";

const options = { idempotencyKey: "key" };
const methods = ["claim", "renew", "savePlan", "append", "settle", "release"] as const;
type Method = (typeof methods)[number];

const away = (reason: StoreError["reason"]) =>
  new StoreError({ store: "test", operation: "claim", reason, what: "it is away", advice: "Wait." });

/** A store whose methods fail while `isAway` says so; with `after`, only once they have done their work. */
function blinking(
  inner: RunStore,
  isAway: (method: Method) => boolean,
  { reason = "unavailable", after = false }: { reason?: StoreError["reason"]; after?: boolean } = {},
): RunStore {
  const own =
    (method: Method) =>
    async (...given: readonly any[]) => {
      const fails = isAway(method);
      if (fails && !after) throw away(reason);
      const answer = await (inner[method] as (...given: readonly any[]) => Promise<unknown>).apply(inner, [...given]);
      if (fails) throw away(reason);
      return answer;
    };
  return storeWith(() => Object.fromEntries(methods.map((method) => [method, own(method)])), inner);
}

/** A bundle of six answers that take two seconds each, two at a time. */
function bundle(clock: FakeClock) {
  const model = scriptedModel(async ({ signal }) => {
    await clock.sleep(2_000, { signal });
    return { text: "yes" };
  });
  const toolOptions = { maxParallel: 2 };
  const tool = new PromptBundleTool({ name: "t", model, prompt: "x", defaultOptions: { k: 6, stopping: "none" } });
  return { model, asking: { tool, request: {}, options, toolOptions } };
}

function reliable(store: RunStore, clock: FakeClock, reliabilityConfig = {}) {
  return new ReliableOrchestrator({ store, clock, state: new ReliabilityState({ clock }), reliabilityConfig });
}

describe("a store that cannot be reached", () => {
  test.each([
    ["at the claim", 0, 20_000, "unavailable"],
    ["in the middle", 3_000, 20_000, "unavailable"],
    ["in the middle, locked", 3_000, 10_000, "locked"],
    ["past the lease", 3_000, 100_000, "unavailable"],
    ["at the end", 6_000, 30_000, "unavailable"],
  ] as const)("%s costs a run time, and neither an answer nor a second call", async (_, fromMs, forMs, reason) => {
    const clock = createFakeClock();
    const { model, asking } = bundle(clock);
    const isAway = () => clock.now() >= fromMs && clock.now() < fromMs + forMs;
    const warnings: string[] = [];
    const run = reliable(blinking(new MemoryStore({ clock }), isAway, { reason }), clock).run({
      ...asking,
      onEvent: (event) => void (event.type === "warning" && warnings.push(event.code ?? "")),
    });
    await clock.runAll();
    expect(await run).toMatchObject({
      status: "completed",
      content: { evidenceBundle: { summary: { validCount: 6 } } },
    });
    expect(model.calls.length).toBe(6);
    expect(warnings).toContain("store_unavailable");
    expect(clock.pending).toBe(0);
  });

  test("fails a run once storeRetryMs is over, with what was paid for on the error", async () => {
    const clock = createFakeClock();
    const { model, asking } = bundle(clock);
    const store = blinking(new MemoryStore({ clock }), (method) => method === "append");
    const run = reliable(store, clock, { storeRetryMs: 10_000 }).run(asking);
    const error = run.catch((thrown) => thrown);
    await clock.runAll();
    expect(await error).toMatchObject({ code: "STORE", reason: "unavailable" });
    expect(model.calls.length).toBe(2);
    expect(clock.pending).toBe(0);
  });

  test("is not waited for past the run's deadline, nor past an abort", async () => {
    for (const ended of ["deadline", "abort"] as const) {
      const clock = createFakeClock();
      const { asking } = bundle(clock);
      const controller = new AbortController();
      const run = reliable(
        blinking(new MemoryStore({ clock }), () => true),
        clock,
      ).run({
        ...asking,
        options: { ...options, ...(ended === "deadline" && { timeoutMs: 5_000 }) },
        signal: controller.signal,
      });
      const error = run.catch((thrown) => thrown);
      await clock.advance(4_999);
      if (ended === "abort") controller.abort();
      else await clock.advance(1);
      expect(await error).toMatchObject({ code: ended === "abort" ? "CANCELLED" : "BUDGET_EXCEEDED" });
      expect(clock.pending).toBe(0);
    }
  });

  test.each(["settle", "release"] as const)(
    "and had done a %s before its answer was lost: the run ends as it did",
    async (method) => {
      const clock = createFakeClock();
      let fails = 1;
      const store = blinking(new MemoryStore({ clock }), (asked) => asked === method && fails-- > 0, { after: true });
      const tool = defineTool({
        name: "t",
        execute(_request: object) {
          if (method === "release") throw new Error("no");
          return "done";
        },
      });
      const asking = { tool, request: {}, options };
      const run = reliable(store, clock, { maxRetries: 0 }).run(asking);
      await clock.runAll();
      expect((await run).status).toBe(method === "settle" ? "completed" : "failed");
    },
  );

  test("is asked once where the run may go on without it", async () => {
    const clock = createFakeClock();
    const { asking } = bundle(clock);
    const store = blinking(new MemoryStore({ clock }), () => true);
    const run = reliable(store, clock, { onStoreError: "run_unprotected" }).run(asking);
    await clock.runAll();
    expect((await run).elapsedMs).toBe(6_000);
  });
});

describe("a lease that ran out while the store was away", () => {
  const leaseMs = 9_000;

  test("lets nothing new start before the store has confirmed the key", async () => {
    const clock = createFakeClock();
    const { model, asking } = bundle(clock);
    const startedAtMs: number[] = [];
    const isAway = (method: Method) => method === "renew" && clock.now() > 1_000 && clock.now() < 60_000;
    const slow = { ...asking, toolOptions: { maxParallel: 1 } };
    const run = reliable(blinking(new MemoryStore({ clock }), isAway), clock, { leaseMs }).run({
      ...slow,
      onEvent: (event) => void (event.type === "replicate_started" && startedAtMs.push(clock.now())),
    });
    await clock.advance(59_000);
    expect(model.calls.length).toBe(5);
    await clock.runAll();
    expect((await run).status).toBe("completed");
    expect(model.calls.length).toBe(6);
  });

  test("ends the run where another one has taken the key meanwhile", async () => {
    const clock = createFakeClock();
    const inner = new MemoryStore({ clock });
    const { asking } = bundle(clock);
    let isAway = false;
    const cut = reliable(
      blinking(inner, () => isAway),
      clock,
      { leaseMs },
    ).run(asking);
    const error = cut.catch((thrown) => thrown);
    await clock.advance(3_000);
    isAway = true;
    await clock.advance(20_000);
    const other = bundle(clock);
    const taken = reliable(inner, clock, { leaseMs }).run(other.asking);
    await clock.advance(1_000);
    isAway = false;
    await clock.runAll();
    expect(await error).toMatchObject({ code: "STORE", reason: "stale_token" });
    expect((await taken).status).toBe("completed");
  });
});
