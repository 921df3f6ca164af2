/**
 * What a guard costs a call, beside a bare call and beside the libraries that do the same work.
 *
 *     node --max-semi-space-size=128 --min-semi-space-size=128 bench/guard.ts [--json]
 *
 * Rows run in one process, interleaved, five rounds each; medians count. Ratios of CPU time are what can be compared
 * between machines; the absolute times cannot.
 *
 * Not measured: a whole run of the orchestrator, budgets, idempotency keys (`bench/run.ts` does). Peers do what they can: Effect has no
 * circuit breaker, p-retry only retries, opossum only breaks circuits and times out, and none of the four keeps a retry
 * budget or honours Retry-After.
 */
import { parseArgs } from "node:util";
import * as contenders from "./guard/contenders.ts";
import { allocatedBytes, cpuUs, each, heldBytes, interleaved, repeat } from "./guard/measure.ts";
import { print } from "./guard/print.ts";
import { printTarget } from "./targets.ts";

const { bare, bareRetryLoop, guard, cockatiel, effect, pRetryAlone, opossum } = contenders;
const rounds = 5;
const all = {
  bare,
  guard: guard(),
  cockatiel: cockatiel(),
  effect: effect(),
  "p-retry": pRetryAlone(),
  opossum: opossum(),
};

const succeed: contenders.Work = async () => 1;

/** One call after the other, all successful. */
async function guardedCalls() {
  const calls = 30_000;
  const cpu = each(all, (run) => cpuUs(calls, () => repeat(calls, () => run(succeed))));
  const bytes = each(all, (run) => allocatedBytes(1_000, () => repeat(1_000, () => run(succeed))));
  return { cpuUs: await interleaved(cpu, rounds), bytesPerCall: await interleaved(bytes, rounds) };
}

/** Two failures, no delay, then success. */
async function retries() {
  const calls = 3_000;
  const flaky = () => {
    let attempts = 0;
    return async () => {
      if (++attempts < 3) throw Object.assign(new Error("HTTP 503"), { status: 503 });
      return attempts;
    };
  };
  const contending = {
    bare: bareRetryLoop,
    guard: contenders.renewed(guard, 50),
    cockatiel: all.cockatiel,
    effect: all.effect,
  };
  const cpu = each(contending, (run) => cpuUs(calls, () => repeat(calls, () => run(flaky()))));
  const wall = each({ ...contending, "p-retry": all["p-retry"] }, async (run) => {
    const startMs = performance.now();
    await repeat(100, () => run(flaky()));
    return (performance.now() - startMs) * 10;
  });
  return { cpuUs: await interleaved(cpu, rounds), wallUs: await interleaved(wall, rounds) };
}

/** 10,000 calls of 100 ms at once. */
async function inFlight() {
  const calls = 10_000;
  const wait: contenders.Work = () => new Promise((resolve) => setTimeout(resolve, 100, 1));
  const hold = (run: contenders.Contender) => () => Promise.all(Array.from({ length: calls }, () => run(wait)));
  const cpu = await interleaved(
    each(all, (run) => cpuUs(calls, hold(run))),
    rounds,
  );
  const bytes = await interleaved(
    each(all, (run) => heldBytes(calls, hold(run))),
    rounds,
  );
  const timersLeft = process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
  return { cpuUs: cpu, bytesHeld: bytes, timersLeft };
}

/** Many calls that share one signal of the caller. */
async function sharedSignal() {
  const contending = { guard: all.guard, cockatiel: all.cockatiel, effect: all.effect };
  const at = (calls: number) =>
    each(contending, (run) => {
      const { signal } = new AbortController();
      const gate = () => Promise.all(Array.from({ length: calls }, () => run(succeed, signal)));
      return cpuUs(calls, gate);
    });
  return { cpuUsOf1000: await interleaved(at(1_000), rounds), cpuUsOf20000: await interleaved(at(20_000), rounds) };
}

process.setMaxListeners(0);
const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const results = {
  guardedCalls: await guardedCalls(),
  retries: await retries(),
  inFlight: await inFlight(),
  sharedSignal: await sharedSignal(),
};
if (values.json) console.log(JSON.stringify({ node: process.version, rounds, results }, undefined, 2));
else {
  print("a call that succeeds", results.guardedCalls);
  print("two failures, then success, without delay", results.retries);
  const { timersLeft, ...held } = results.inFlight;
  print(`10,000 calls of 100 ms in flight; timers left after: ${timersLeft}`, held);
  print("calls on one shared signal", results.sharedSignal);

  const { cpuUs: once, bytesPerCall } = results.guardedCalls;
  const { cpuUs: retried } = results.retries;
  printTarget("CPU of a guarded call", ratio(once, "guard", "bare"), "x a bare call", { atMost: 40 });
  printTarget("CPU of a guarded call", ratio(once, "guard", "cockatiel"), "x cockatiel", { atMost: 0.1 });
  printTarget("memory of a guarded call", (bytesPerCall["guard"] as number) / 1_000, "KB", { atMost: 2 });
  printTarget("CPU of two failures, then success", ratio(retried, "guard", "effect"), "x Effect", { atMost: 0.6 });
  printTarget("held by each of 10,000 calls in flight", (held.bytesHeld["guard"] as number) / 1_000, "KB", {
    atMost: 2.5,
  });
}

function ratio(values: Readonly<Record<string, number>>, name: string, to: string): number {
  return (values[name] as number) / (values[to] as number);
}
