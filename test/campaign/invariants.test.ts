import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BudgetExceeded, CancelledError, StoreError } from "../../src/index.ts";
import { scenarios } from "./arbitrary/scenarios.ts";
import type { History, PlayedCall, PlayedRun } from "./history.ts";
import { invariants } from "./invariants/all.ts";
import type { Invariant } from "./invariants/invariant.ts";
import { errorOf, jobOf, outputOf } from "./invariants/reports.ts";
import { play } from "./play.ts";

/** A history with something wrong in it; `undefined` where there is nothing to spoil. */
type Spoil = (history: History) => History | undefined;

/** Every invariant, and a fault that it must not overlook. */
const faults: Readonly<Record<string, Spoil>> = {
  "every run settles, and none waits for nothing": (history) => withLeftovers(history, { stuck: [0] }),
  "a run ends by its deadline, and when its caller ends it": spoilRun(
    ({ plan }) => plan.timeoutMs !== undefined,
    (run) => ({ settledAtMs: (run.settledAtMs ?? 0) + 1e9 }),
  ),
  "a tool fails only by what was done to it": spoilOutput(
    ({ status }) => status === "failed",
    () => ({ errors: { tool: { type: "TypeError", message: "x is undefined" } } }),
  ),
  "a run is rejected only for what was done to it": spoilRun(
    ({ endedByCallerAtMs }) => endedByCallerAtMs === undefined,
    () => ({ outcome: { error: new CancelledError("another caller's") } }),
  ),
  "exactly one terminal event, the last, which says how the run ended": spoilRun(
    ({ events }) => events.length > 2,
    ({ events }) => ({ events: events.slice(0, -1) }),
  ),
  "events are numbered from 0, without a gap": spoilRun(
    ({ events }) => events.length > 2,
    ({ events }) => ({ events: events.toSpliced(1, 1) }),
  ),
  "a stream shows what listeners hear, up to where it is left": spoilRun(
    ({ streamed }) => streamed.length > 1,
    ({ streamed }) => ({ streamed: streamed.slice(1) }),
  ),
  "no call is made more often than once, its retries and one correction, and no more than k replicates are asked for":
    spoilCalls(
      () => true,
      (call, { scenario }) => Array.from({ length: scenario.reliability.maxRetries + 3 }, () => call),
    ),
  "a model whose provider asks for a pause is not called before its end": spoilCalls(
    ({ wasAborted, tool }) => !wasAborted && !tool.startsWith("whole"),
    (call) => [
      { ...call, retryAfterMs: 60_000 },
      { ...call, startStep: (call.endStep ?? 0) + 1 },
    ],
  ),
  "a call that may succeed next time is tried again, for as long as there are retries and nothing else ends it":
    spoilAttempts(() => []),
  "between two attempts lies no more than the backoff, and the pause that the provider has asked for": spoilAttempts(
    (later) => later.map((call) => ({ ...call, startedAtMs: 1e9 })),
  ),
  "a call is refused only while its provider has just failed, is being called, or has asked for a pause": (
    history,
  ) => ({
    ...history,
    calls: [],
  }),
  "a provider that is well again is called again, and its circuit closes": (history) => ({
    ...history,
    recoveries: [{ process: 0, provider: "first", asked: 5, answered: 0, endsAs: "open" }],
  }),
  "no call starts once the budget is used up": spoilCalls(
    (call, history) => isOnBudget(call, history),
    (call) => [{ ...call, told: tokens(1e6), toldStep: -1 }],
  ),
  "the budget is kept by every provider that keeps to what it was asked for": (history) =>
    spoilOutput(
      ({ usage }) => usage.totalTokens > 0,
      () => ({ usage: tokens(1e6) }),
    )(history),
  "nothing is refused that its budget covers": spoilRun(
    () => true,
    () => ({ outcome: { error: new BudgetExceeded("tokens", 1e9, 1e9) } }),
  ),
  "what all attempts used is reported, once; what was not told is estimated from above": spoilCalls(
    ({ told, isModelCall, wasAborted }) => told !== undefined && isModelCall && !wasAborted,
    (call) => [call, call],
  ),
  "the cost is the price of the usage, and unknown where a price is": spoilOutput(
    ({ costUsd }) => costUsd > 0,
    ({ costUsd }) => ({ costUsd: 2 * costUsd }),
  ),
  "of all runs of a key, one executes at a time; a process whose lease ran out starts no call under it": (history) => {
    const keyed = history.runs.filter((run) => jobOf(history, run).key !== null && callsOf(history, run).length > 0);
    const pair = keyed.find((run, index) =>
      keyed.slice(index + 1).some((other) => isSameKeyAndProcess(history, run, other)),
    );
    return pair && { ...history, calls: history.calls.map((call) => ({ ...call, startStep: 0, endStep: 1e9 })) };
  },
  "no process writes under a key that another one holds": (history) => {
    const write = history.operations.findLast(({ operation, doneStep }) => operation !== "claim" && doneStep);
    const stranger = write && { ...write, process: write.process + 1, doneStep: 1e9 };
    return stranger && { ...history, operations: [...history.operations, stranger] };
  },
  "a replicate is journaled before it is reported": spoilRun(
    ({ events }) => events.some((event) => event.type === "replicate_done" && event.replicate?.valid),
    ({ heard }) => ({ heard: heard.map(({ atMs }) => ({ atMs, step: 0 })) }),
  ),
  "all who wait for one execution get equal results": spoilOutput(
    ({ requestId, metadata }, run) => requestId !== run.requestId && !metadata.replayed,
    () => ({ elapsedMs: -1 }),
  ),
  "a settled key gives its stored output, and calls nothing, for as long as it is kept": spoilOutput(
    ({ metadata }) => metadata.replayed === true,
    () => ({ elapsedMs: -1 }),
  ),
  "a replicate that was journaled is never asked for again": (history) => {
    const append = history.operations.find(({ operation, fault }) => operation === "append" && !fault);
    const replicate = append?.facts.replicate;
    const call = history.calls.find(({ model, seed }) => model === replicate?.model && seed === replicate?.seed);
    if (!call || history.operations.some(({ operation }) => operation === "settle")) return undefined;
    return { ...history, calls: [...history.calls, { ...call, startStep: (append?.doneStep ?? 0) + 1 }] };
  },
  "a bundle is made of what its run has paid for and of what earlier ones had": spoilOutput(
    ({ content }) => content?.evidenceBundle !== undefined,
    ({ usage }) => ({ usage: tokens(usage.totalTokens + 1) }),
  ),
  "an output is whole after a round trip through JSON": spoilOutput(
    () => true,
    ({ metadata }) => ({ metadata: { ...metadata, when: new Date(0) } }),
  ),
  "every valid replicate is an answer to a call with its seed, by the tool that the output names": spoilOutput(
    ({ content }) => content?.evidenceBundle?.summary.validCount > 0,
    ({ metadata }) => ({ metadata: { ...metadata, toolName: "another" } }),
  ),
  "no more answers are asked for in one request than k, and each votes once": spoilOutput(
    ({ content }) => content?.evidenceBundle?.replicates.some(({ callSeed, valid }: any) => callSeed && valid),
    ({ content }) => {
      const { evidenceBundle: bundle } = content;
      const twice = bundle.replicates.find(({ callSeed, valid }: any) => callSeed && valid);
      return { content: { evidenceBundle: { ...bundle, replicates: [...bundle.replicates, twice] } } };
    },
  ),
  "a reused answer costs nothing, and its run has not asked for it": spoilOutput(
    ({ content }) => content?.evidenceBundle?.replicates.some(({ reused }: any) => reused),
    ({ content }) => ({ content: JSON.parse(JSON.stringify(content).replaceAll('"costUsd":0', '"costUsd":1')) }),
  ),
  "every valid replicate that was reported stands in the output, or in the error": spoilOutput(
    ({ content }) => content?.evidenceBundle?.summary.validCount > 0,
    () => ({ content: null }),
  ),
  "a completed or partial bundle has a valid replicate, a failed output says why, and no replicate stands in one twice":
    spoilOutput(
      ({ status }) => status === "failed",
      () => ({ errors: {} }),
    ),
  "after the last run no timer, no listener, no call and no unhandled rejection is left": (history) =>
    withLeftovers(history, { timers: 1 }),
  "a run that has settled makes no call": spoilCalls(
    ({ run }, history) => jobOf(history, history.runs[run] as PlayedRun).key === null,
    (call) => [{ ...call, startStep: 1e9 }],
  ),
  "a store that is away for a while, and comes back, fails no run that waits for it": spoilRun(
    () => true,
    () => ({
      outcome: { error: new StoreError({ store: "faulty", operation: "settle", reason: "unavailable", advice: "" }) },
    }),
  ),
  "after the last run no key is held, unless the store would not let go of it": (history) => {
    const [operation] = history.operations;
    const isFaulty = history.operations.some(({ fault }) => fault);
    return operation && !isFaulty ? withLeftovers(history, { heldKeys: [{ key: operation.key } as never] }) : undefined;
  },
};

describe("the invariants of the campaign", () => {
  test("each has a fault that it must find", () => {
    expect(Object.keys(faults).sort()).toEqual(invariants.map(({ promise }) => promise).sort());
  });

  test.each(invariants)("finds it: $promise", async (invariant) => {
    const spoil = faults[invariant.promise] as Spoil;
    for (let seed = 0; seed < 500; seed++) {
      const history = await play(scenarioOf(seed));
      expect(violationsOf(invariant, history)).toEqual([]);
      const spoilt = spoil(history);
      if (spoilt && violationsOf(invariant, spoilt).length > 0) return;
    }
    expect.fail("It was overlooked in 500 scenarios.");
  });
});

test("the same seed gives the same history", async () => {
  for (let seed = 0; seed < 50; seed++) {
    const [first, second] = [await play(scenarioOf(seed)), await play(scenarioOf(seed))];
    expect(second.calls).toEqual(first.calls);
    expect(second.runs.map(({ events }) => events)).toEqual(first.runs.map(({ events }) => events));
  }
});

function scenarioOf(seed: number) {
  return fc.sample(scenarios, { seed, numRuns: 1 })[0] as History["scenario"];
}

function violationsOf({ check }: Invariant, history: History): string[] {
  const violations: string[] = [];
  check(history, (holds, violation) => void (holds || violations.push(violation())));
  return violations;
}

function spoilRun(
  isFit: (run: PlayedRun, history: History) => boolean,
  change: (run: PlayedRun) => Partial<PlayedRun>,
): Spoil {
  return (history) => {
    const fit = history.runs.find((run) => isFit(run, history));
    return fit && { ...history, runs: history.runs.map((run) => (run === fit ? { ...run, ...change(run) } : run)) };
  };
}

function spoilOutput(isFit: (output: any, run: PlayedRun) => boolean, change: (output: any) => object): Spoil {
  return spoilRun(
    (run) => errorOf(run) === undefined && isFit(outputOf(run), run),
    (run) => ({ outcome: { output: { ...outputOf(run), ...change(outputOf(run)) } as any } }),
  );
}

/** @param change what stands in the place of the first call that is fit */
function spoilCalls(
  isFit: (call: PlayedCall, history: History) => boolean,
  change: (call: PlayedCall, history: History) => readonly PlayedCall[],
): Spoil {
  return (history) => {
    const fit = history.calls.find((call) => isFit(call, history));
    return (
      fit && { ...history, calls: history.calls.flatMap((call) => (call === fit ? change(call, history) : [call])) }
    );
  };
}

/** @param change what stands in the place of every attempt after the first one */
function spoilAttempts(change: (later: readonly PlayedCall[]) => readonly PlayedCall[]): Spoil {
  return (history) => {
    const attempts = Object.values(
      Object.groupBy(history.calls, ({ run, model, seed }) => [run, model, seed].join()),
    ) as PlayedCall[][];
    return { ...history, calls: attempts.flatMap(([first, ...later]) => [first as PlayedCall, ...change(later)]) };
  };
}

function withLeftovers(history: History, leftovers: Partial<History["leftovers"]>): History {
  return { ...history, leftovers: { ...history.leftovers, ...leftovers } };
}

function callsOf({ calls }: History, { index }: PlayedRun): readonly PlayedCall[] {
  return calls.filter(({ run }) => run === index);
}

function isSameKeyAndProcess(history: History, first: PlayedRun, second: PlayedRun): boolean {
  const { processes } = history.scenario;
  const isSameProcess = first.plan.process % processes === second.plan.process % processes;
  return isSameProcess && jobOf(history, first).key === jobOf(history, second).key;
}

function isOnBudget({ run, tool }: PlayedCall, history: History): boolean {
  return history.runs[run]?.plan.budgetTokens !== undefined && !tool.startsWith("whole");
}

function tokens(totalTokens: number) {
  return { inputTokens: totalTokens, outputTokens: 0, totalTokens, requests: 1 };
}
