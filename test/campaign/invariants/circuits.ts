import { providerNameOf } from "../fake-tools.ts";
import type { History, PlayedCall, PlayedRun } from "../history.ts";
import type { Invariant } from "./invariant.ts";
import { callsTo, processOf } from "./reports.ts";

export const recoveredIsCalledAgain: Invariant = {
  promise: "a provider that is well again is called again, and its circuit closes",
  check({ recoveries }, expect) {
    for (const { provider, process, asked, answered, endsAs } of recoveries)
      expect(
        endsAs === "closed" && answered > 0,
        () =>
          `process ${process} got ${answered} of ${asked} calls to ${provider} answered, and its circuit is ${endsAs}`,
      );
  },
};

export const refusesForCause: Invariant = {
  promise: "a call is refused only while its provider has just failed, is being called, or has asked for a pause",
  check(history, expect) {
    for (const run of history.runs)
      for (const refusal of refusalsOf(run))
        expect(
          causesOf(history, refusal, processOf(history, run)).some((call) => isCause(history, call, refusal)),
          () => `run ${run.index} was refused ${refusal.provider} by ${refusal.untilMs} ms, for nothing`,
        );
  },
};

/** The calls to a provider, and those of runs that tools have started inside such calls, which they outlast. */
function causesOf(history: History, { provider }: Refusal, process: number): readonly PlayedCall[] {
  return [...callsTo(history, provider, process), ...callsTo(history, "inner", process)];
}

/** At some time between the start of a tool and its failure. */
interface Refusal {
  readonly provider: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

function* refusalsOf({ events, heard }: PlayedRun): Generator<Refusal> {
  let fromMs = 0;
  for (const [place, event] of events.entries()) {
    const atMs = heard[place]?.atMs ?? 0;
    if (event.type === "tool_started") fromMs = atMs;
    if (event.type === "error" && event.error?.category === "circuit_open")
      yield { provider: providerNameOf(event.source), fromMs, untilMs: atMs };
  }
}

/** Whether a call is under way, or has failed so lately that the circuit can have opened, or a pause have been asked for. */
function isCause({ scenario }: History, call: PlayedCall, { fromMs, untilMs }: Refusal): boolean {
  const { circuitBreaker, maxDelayMs } = scenario.reliability;
  const { fault, wasAborted, startedAtMs, endedAtMs = Number.POSITIVE_INFINITY, retryAfterMs = 0 } = call;
  const hasFailed = fault !== null || wasAborted;
  // A call whose retry cannot be made has failed for good when it has waited for that retry.
  const isRefusedUntilMs = endedAtMs + (hasFailed ? retryAfterMs + maxDelayMs + circuitBreaker.openMs : 0);
  return startedAtMs <= untilMs && isRefusedUntilMs >= fromMs;
}
