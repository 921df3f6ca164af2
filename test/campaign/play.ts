import { getEventListeners } from "node:events";
import { MemoryStore } from "../../src/stores/memory.ts";
import { seededRandom } from "../../src/testing.ts";
import { Caller } from "./caller.ts";
import { FakeProvider } from "./fake-provider.ts";
import { FaultyState } from "./faulty-state.ts";
import { FaultyStore } from "./faulty-store.ts";
import type { History, Leftovers, PlayedCall, PlayedRun } from "./history.ts";
import { recover } from "./recovery.ts";
import type { ClockFault, Job, RunPlan, Scenario } from "./scenario.ts";
import { type Process, startProcess } from "./start-process.ts";
import { StoreTroubles } from "./store-troubles.ts";
import { WallClock } from "./wall-clock.ts";
import { watchRejections } from "./watch-rejections.ts";
import { WorldClock } from "./world-clock.ts";

/** After so long everyone who still waits gives up: a provider that hangs, and no timeout, would go on for ever. */
const patienceMs = 120_000;
/** Longer than any planned backoff, pause or lease. */
const longestSilenceMs = 60_000;
/** How long the world goes on after the last run has settled, so that what was left behind shows. */
const aftermathMs = 200_000;

/** Plays a scenario with the real orchestrator, and writes down what happened. */
export async function play(scenario: Scenario): Promise<History> {
  const clock = new WorldClock();
  let step = 0;
  const nextStep = () => step++;
  const wallClock = new WallClock(clock, scenario.processes);
  const store = new MemoryStore({ clock: wallClock });
  const troubles = new StoreTroubles(scenario.storeFaults, clock, nextStep);
  const provider = new FakeProvider(scenario.calls, clock, nextStep);
  const shared = new AbortController();
  const processes = Array.from({ length: scenario.processes }, (_, index) =>
    startProcess(
      scenario,
      new FaultyState(new FaultyStore(store, index, troubles, wallClock), index, troubles, clock),
      seededRandom(index),
      clock,
    ),
  );

  const runs = scenario.runs.map(recordOf);
  const callers = runs.map((run) => {
    const { orchestratorWith } = processes[run.plan.process % processes.length] as Process;
    const job = scenario.jobs[run.plan.job % scenario.jobs.length] as Job;
    return new Caller(run, { job, provider, clock, shared: shared.signal, nextStep, orchestratorWith });
  });

  const rejections = watchRejections();
  const clockFaults: ClockFault[] = [];
  for (const fault of scenario.clockFaults)
    clock.world.schedule(() => {
      clockFaults.push(fault);
      if (fault.kind === "pause") clock.pause(fault.byMs);
      else wallClock.correct(fault);
    }, fault.atMs);
  if (scenario.sharedAbortMs !== null) clock.world.schedule(() => shared.abort("all at once"), scenario.sharedAbortMs);
  for (const [index, caller] of callers.entries())
    clock.world.schedule(() => void caller.play(), scenario.runs[index]?.startMs ?? 0);
  const stuck: number[] = [];
  let latestEndMs = Number.POSITIVE_INFINITY;
  clock.world.schedule(() => {
    // Pauses of the clock may have brought this about late.
    latestEndMs = clock.now() + patienceMs;
    if (!troubles.isSilent && !scenario.jobs.some(isWithoutAnswer))
      stuck.push(...stuckAmong(runs, provider.calls, clock.now()));
    shared.abort("patience");
    for (const caller of callers) caller.giveUp();
  }, patienceMs);
  await clock.runUntil(() => runs.every(({ outcome }) => outcome) || clock.now() > latestEndMs);

  const met = [...clockFaults];
  const atOnce: Omit<Leftovers, "heldKeys"> = {
    unsettled: unsettledAmong(runs),
    stuck: clockFaults.some(({ kind }) => kind === "pause") ? [] : stuck,
    timers: clock.pending,
    listeners: getEventListeners(shared.signal, "abort").length,
    callsInFlight: provider.calls.filter(({ endStep }) => endStep === undefined).length,
    unhandledRejections: rejections.seen,
  };
  // No run waits until a slow store takes a key back, but the store is asked to.
  await clock.runUntil(() => !troubles.isAnswering);
  const heldKeys = (await store.list()).filter(({ state }) => state === "running");
  const leftovers: Leftovers = { ...atOnce, heldKeys };
  const recoveries = await recover(processes, scenario, clock);
  const endMs = clock.now() + aftermathMs;
  await clock.runUntil(() => clock.now() >= endMs);
  rejections.stop();
  return {
    scenario,
    runs,
    calls: provider.calls,
    operations: troubles.operations,
    clockFaults: met,
    leftovers,
    recoveries,
  };
}

function recordOf(plan: RunPlan, index: number): PlayedRun {
  const requestId = `run-${index}`;
  return { index, plan, requestId, startedAtMs: 0, events: [], heard: [], streamed: [], hasReadAll: false };
}

function unsettledAmong(runs: readonly PlayedRun[]): number[] {
  return runs.filter(({ outcome }) => !outcome).map(({ index }) => index);
}

/** Whether a job waits for a planner that never answers. */
function isWithoutAnswer({ choice, planner }: Job): boolean {
  return choice === "planner" && planner === "silent";
}

/** Where no call is under way, and for longer than any backoff or lease nothing has happened, nothing ever will. */
function stuckAmong(runs: readonly PlayedRun[], calls: readonly PlayedCall[], nowMs: number): number[] {
  if (calls.some(({ endStep }) => endStep === undefined)) return [];
  const lastMs = Math.max(...runs.flatMap(({ heard }) => heard.map(({ atMs }) => atMs)), 0);
  return nowMs - lastMs > longestSilenceMs ? unsettledAmong(runs) : [];
}
