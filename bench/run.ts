/**
 * What a whole run of an orchestrator costs around a call, beside a bare call and beside the libraries that users have
 * for parts of it; and what asking K times costs beside `Promise.all`.
 *
 *     node --max-semi-space-size=128 --min-semi-space-size=128 bench/run.ts [--json]
 *
 * Rows run in one process, interleaved, five rounds each; medians count. Ratios of CPU time are what can be compared
 * between machines; the absolute times cannot.
 *
 * The run is of a plain tool: options are checked, the request is copied, and an output with usage, cost and ids comes
 * out. `all` adds a deadline, a budget and a listener to the retry, circuit breaker and attempt timeout of a reliable
 * run. Cockatiel and Effect check no request, keep no budget and say nothing of what happens; Effect has no circuit
 * breaker. Not measured: OpenTelemetry, `stream()`, stores on a disk (`bench/store.ts`), providers over a network.
 */
import { parseArgs } from "node:util";
import { bare, bareRetryLoop, type Contender, effect, renewed, type Work } from "./guard/contenders.ts";
import { allocatedBytes, cpuUs, each, heldBytes, interleaved, repeat } from "./guard/measure.ts";
import { print } from "./guard/print.ts";
import * as runs from "./run/contenders.ts";
import { limiter, promiseAll, scheduler } from "./run/fan-out.ts";
import { aiSdk, bareModel, bundle, reliableBundle } from "./run/model-calls.ts";
import { printTarget } from "./targets.ts";

const rounds = 5;
const contending = {
  bare,
  Orchestrator: runs.orchestrator(),
  ReliableOrchestrator: runs.reliable(),
  "and all": runs.reliableWithAll(),
  "and a key": runs.reliableWithKey(),
  cockatiel: runs.cockatielWithAll(),
  effect: effect(),
};

const succeed: Work = async () => 1;

/** One run after the other, all successful. */
async function successes() {
  const calls = 20_000;
  const cpu = each(contending, (run) => cpuUs(calls, () => repeat(calls, () => run(succeed))));
  const bytes = each(contending, (run) => allocatedBytes(1_000, () => repeat(1_000, () => run(succeed))));
  return { cpuUs: await interleaved(cpu, rounds), bytesPerRun: await interleaved(bytes, rounds) };
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
  const retrying = {
    bare: bareRetryLoop,
    ReliableOrchestrator: renewed(runs.reliable, 50),
    "and all": renewed(runs.reliableWithAll, 50),
    cockatiel: contending.cockatiel,
    effect: contending.effect,
  };
  return {
    cpuUs: await interleaved(
      cpuOf(retrying, calls, (run) => run(flaky())),
      rounds,
    ),
  };
}

/** 10,000 runs of 100 ms at once; their memory is looked at where they all hang. */
async function inFlight() {
  const calls = 10_000;
  const all = (run: Contender, work: Work) => Promise.all(Array.from({ length: calls }, () => run(work)));
  const pause: Work = () => new Promise((resolve) => setTimeout(resolve, 100, 1));
  const cpu = await interleaved(
    each(contending, (run) => cpuUs(calls, () => all(run, pause))),
    rounds,
  );
  const bytes = await interleaved(
    each(contending, (run) => bytesHeld(calls, (work) => all(run, work))),
    rounds,
  );
  const timersLeft = process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
  return { cpuUs: cpu, bytesHeld: bytes, timersLeft };
}

function bytesHeld(calls: number, hold: (work: Work) => Promise<unknown>): Promise<number> {
  const gate = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  let count = 0;
  const work: Work = async () => {
    if (++count === calls) started.resolve();
    await gate.promise;
    return 1;
  };
  return heldBytes(
    calls,
    () => hold(work),
    () => started.promise,
    () => gate.resolve(),
  );
}

/** Many runs that share one signal of the caller. */
async function sharedSignal() {
  const { "and all": all, cockatiel, effect } = contending;
  const at = (calls: number) =>
    each({ "and all": all, cockatiel, effect }, (run) => {
      const { signal } = new AbortController();
      return cpuUs(calls, () => Promise.all(Array.from({ length: calls }, () => run(succeed, signal))));
    });
  return { cpuUsOf1000: await interleaved(at(1_000), rounds), cpuUsOf20000: await interleaved(at(20_000), rounds) };
}

/** K calls that do nothing, all at once or ten at a time. */
async function fanOuts() {
  const at = async (k: number) => {
    const fanOuts = {
      "Promise.all": promiseAll,
      scheduler: scheduler(k),
      "p-limit": limiter(k),
      "scheduler, 10 at a time": scheduler(10),
      "p-limit, 10 at a time": limiter(10),
    };
    const times = Math.round(50_000 / k);
    return interleaved(
      cpuOf(fanOuts, times, (fanOut) => fanOut(k), k),
      rounds,
    );
  };
  return { "K = 10": await at(10), "K = 40": await at(40), "K = 100": await at(100), "K = 1000": await at(1_000) };
}

/** Ten calls of a model that answers at once. */
async function modelCalls() {
  const asking = { bare: bareModel, Orchestrator: bundle(), ReliableOrchestrator: reliableBundle(), "AI SDK": aiSdk };
  const bytes = each(asking, (ask) => allocatedBytes(100, () => repeat(10, () => ask(10))));
  return {
    cpuUsPerCall: await interleaved(
      cpuOf(asking, 200, (ask) => ask(10), 10),
      rounds,
    ),
    bytesPerCall: await interleaved(bytes, rounds),
  };
}

/** CPU microseconds of each, repeated so many times, a unit of the work that one repetition does. */
function cpuOf<T>(named: Readonly<Record<string, T>>, times: number, work: (one: T) => Promise<unknown>, units = 1) {
  return each(named, (one) => cpuUs(times * units, () => repeat(times, () => work(one))));
}

process.setMaxListeners(0);
const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const results = {
  successes: await successes(),
  retries: await retries(),
  inFlight: await inFlight(),
  sharedSignal: await sharedSignal(),
  fanOuts: await fanOuts(),
  modelCalls: await modelCalls(),
};
if (values.json) console.log(JSON.stringify({ node: process.version, rounds, results }, undefined, 2));
else {
  print("a run that succeeds", results.successes);
  print("two failures, then success, without delay", results.retries);
  const { timersLeft, ...held } = results.inFlight;
  print(`10,000 runs of 100 ms in flight; timers left after: ${timersLeft}`, held);
  print("runs on one shared signal", results.sharedSignal);
  print("K calls that do nothing, CPU us a call", results.fanOuts, "Promise.all");
  print("ten calls of a model that answers at once", results.modelCalls);

  const { cpuUs: once } = results.successes;
  const least = { atMost: 0.6 };
  printTarget("CPU of a guarded run", ratio(once, "ReliableOrchestrator", "effect"), "x Effect", least);
  printTarget("CPU of a guarded run", ratio(once, "ReliableOrchestrator", "cockatiel"), "x cockatiel", least);
  printTarget("and with deadline, budget and listener", ratio(once, "and all", "effect"), "x Effect", least);
  printTarget("and with deadline, budget and listener", ratio(once, "and all", "cockatiel"), "x cockatiel", least);
  printTarget("and with a key in memory", ratio(once, "and a key", "and all"), "x the same without", { atMost: 1.5 });
  printTarget(
    "CPU of two failures, then success",
    ratio(results.retries.cpuUs, "ReliableOrchestrator", "effect"),
    "x Effect",
    least,
  );
  printTarget(
    "held by each of 10,000 runs in flight",
    (held.bytesHeld["ReliableOrchestrator"] as number) / 1_000,
    "KB",
    { atMost: 9 },
  );
  printTarget(
    "CPU of one replicate of a PromptBundleTool",
    ratio(results.modelCalls.cpuUsPerCall, "Orchestrator", "AI SDK"),
    "x one generateText",
    { atMost: 0.8 },
  );
}

function ratio(values: Readonly<Record<string, number>>, name: string, to: string): number {
  return (values[name] as number) / (values[to] as number);
}
