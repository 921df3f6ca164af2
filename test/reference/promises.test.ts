/** What every run promises, on the ways through a reliable run on which it is easily broken. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createRegistry,
  defineTool,
  type OrchestrationEvent,
  type OrchestrationOutput,
  Orchestrator,
  ReliableOrchestrator,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { createFakeClock, type FakeClock } from "../../src/testing.ts";
import { Answers, eventLog, httpError } from "./support.ts";

type OnEvent = (event: OrchestrationEvent) => void;
type Way = (world: { clock: FakeClock; onEvent: OnEvent; orchestrator: ReliableOrchestrator }) => Promise<unknown>;

const quick = defineTool({ name: "quick", execute: (request: object) => request });
const slow = defineTool({
  name: "slow",
  execute: (_request: object, _options, { clock, signal }) => clock.sleep(1000, { signal }),
});
const busy = defineTool({ name: "busy", execute: (_request: object) => Promise.reject(httpError(503)) });
const busier = defineTool({ name: "busier", execute: (_request: object) => Promise.reject(httpError(500)) });
const options = { idempotencyKey: "k" };

/** The ways on which a run can end, each with the terminal event that it ends with. */
const ways: [string, OrchestrationEvent["type"], Way][] = [
  [
    "completes",
    "run_completed",
    ({ orchestrator, onEvent }) => orchestrator.run({ tool: quick, request: {}, onEvent }),
  ],
  [
    "completes with a key and a deadline",
    "run_completed",
    ({ orchestrator, onEvent }) =>
      orchestrator.run({ tool: quick, request: {}, options: { ...options, timeoutMs: 9e6 }, onEvent }),
  ],
  [
    "replays a settled key",
    "run_completed",
    async ({ orchestrator, onEvent }) => {
      await orchestrator.run({ tool: quick, request: {}, options });
      return orchestrator.run({ tool: quick, request: {}, options, onEvent });
    },
  ],
  [
    "joins a key in flight",
    "run_completed",
    async ({ orchestrator, onEvent }) => {
      const first = orchestrator.run({ tool: slow, request: {}, options });
      await orchestrator.run({ tool: slow, request: {}, options, onEvent });
      return first;
    },
  ],
  [
    "conflicts",
    "run_failed",
    async ({ orchestrator, onEvent }) => {
      await orchestrator.run({ tool: quick, request: {}, options });
      return orchestrator.run({ tool: quick, request: { other: 1 }, options, onEvent });
    },
  ],
  [
    "fails after all retries and fallbacks",
    "run_failed",
    ({ orchestrator, onEvent }) => orchestrator.run({ tool: busy, fallbackTools: [busier], request: {}, onEvent }),
  ],
  [
    "is partial",
    "run_completed",
    ({ orchestrator, onEvent }) =>
      orchestrator.run({
        tool: new Answers(["x"]),
        request: {},
        toolOptions: { k: 5, stopping: "none", perReplicateBudget: { tokens: 5 } },
        options: { budget: { tokens: 12 } },
        onEvent,
      }),
  ],
  [
    "exceeds its budget",
    "run_failed",
    ({ orchestrator, onEvent }) =>
      orchestrator.run({
        tool: new Answers(["x"]),
        request: {},
        toolOptions: { perReplicateBudget: { tokens: 5 } },
        options: { budget: { tokens: 1 } },
        onEvent,
      }),
  ],
  [
    "runs out of time",
    "run_failed",
    ({ orchestrator, onEvent }) =>
      orchestrator.run({ tool: slow, request: {}, options: { ...options, timeoutMs: 500 }, onEvent }),
  ],
  [
    "is cancelled",
    "cancelled",
    async ({ orchestrator, onEvent, clock }) => {
      const controller = new AbortController();
      const run = orchestrator.run({ tool: slow, request: {}, options, onEvent, signal: controller.signal });
      run.catch(() => {});
      await clock.sleep(10);
      controller.abort("enough");
      return run;
    },
  ],
  [
    "finds no tool",
    "run_failed",
    ({ clock, onEvent }) =>
      new ReliableOrchestrator({ clock, registry: createRegistry([]) }).run({ request: {}, onEvent } as any),
  ],
];

describe.each(ways)("a run that %s", (_name, terminal, way) => {
  async function play() {
    const clock = createFakeClock();
    const log = eventLog();
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on("unhandledRejection", note);
    const orchestrator = new ReliableOrchestrator({ clock, state: new ReliabilityState({ clock }) });
    const end = way({ clock, onEvent: log.onEvent, orchestrator }).then(
      (output) => ({ output: output as OrchestrationOutput, error: undefined }),
      (error) => ({ output: undefined, error }),
    );
    await clock.runAll();
    const ended = await end;
    process.off("unhandledRejection", note);
    return { clock, log, unhandled, ...ended };
  }

  test(`ends with exactly one terminal event, ${terminal}, and its events have no gap`, async () => {
    const { log } = await play();
    expect(log.events.map(({ seq }) => seq)).toEqual(log.events.map((_, index) => index));
    expect(log.types("run_completed", "run_failed", "cancelled")).toEqual([terminal]);
    expect(log.types().at(-1)).toBe(terminal);
  });

  test("names the run in each event, and leaves no timer and no unhandled rejection", async () => {
    const { log, clock, unhandled } = await play();
    const [first] = log.events;
    for (const { requestId, traceId } of log.events)
      expect([requestId, traceId]).toEqual([first?.requestId, first?.traceId]);
    expect([clock.pending, unhandled]).toEqual([0, []]);
  });

  test("resolves with plain JSON, or rejects with an error that has a code", async () => {
    const { output, error } = await play();
    if (error) expect(error.code).toMatch(/^[A-Z_]+$/);
    else expect(JSON.parse(JSON.stringify(output))).toEqual(output);
  });
});

test("a ceiling that allows 37 of 100 concurrent replicates starts 37, whatever ends first", async () => {
  const delays = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 100, maxLength: 100 });
  await fc.assert(
    fc.asyncProperty(delays, async (delaysMs) => {
      const clock = createFakeClock();
      class Delayed extends Answers {
        override async executeReplicate(...[request, replicate, context]: Parameters<Answers["executeReplicate"]>) {
          await clock.sleep(delaysMs[replicate.index] ?? 0, { signal: context.signal });
          return super.executeReplicate(request, replicate, context);
        }
      }
      const log = eventLog();
      const run = new Orchestrator({ clock }).run({
        tool: new Delayed(["x"]),
        request: {},
        toolOptions: { k: 100, maxParallel: 100, stopping: "none", perReplicateBudget: { tokens: 5 } },
        options: { maxParallel: 100, budget: { tokens: 37 * 5 + 4 } },
        onEvent: log.onEvent,
      });
      await clock.runAll();
      const output = await run;
      expect(log.types("replicate_started")).toHaveLength(37);
      expect(output).toMatchObject({ status: "partial", usage: { totalTokens: 185, requests: 37 } });
    }),
    { numRuns: 15 },
  );
});
