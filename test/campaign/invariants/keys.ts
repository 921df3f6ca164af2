import { isDeepStrictEqual } from "node:util";
import type { OrchestrationOutput } from "../../../src/index.ts";
import type { History, PlayedCall, PlayedOperation, PlayedRun } from "../history.ts";
import type { Invariant } from "./invariant.ts";
import { callsOf, goesOnUnprotected, jobOf, outputOf, processOf } from "./reports.ts";

export const oneExecutionAKey: Invariant = {
  promise: "of all runs of a key, one executes at a time; a process whose lease ran out starts no call under it",
  check(history, expect) {
    for (const [first, second] of pairsOfOneKey(history)) {
      if (!isProtected(history, first, second)) continue;
      if (processOf(history, first) === processOf(history, second))
        expect(
          !overlap(callsOf(history, first), callsOf(history, second)),
          () => `runs ${first.index} and ${second.index} executed at the same time`,
        );
      else
        for (const run of [first, second])
          expect(
            callsOf(history, run).every((call) => holderAt(history, run, call.startStep) === processOf(history, run)),
            () => `run ${run.index} started a call under a key that another process held`,
          );
    }
  },
};

/** The process that had won the run's key last, by then. What it had started before goes on where another one wins the key. */
function holderAt(history: History, run: PlayedRun, step: number): number | undefined {
  const { key } = jobOf(history, run);
  return history.operations
    .filter(
      ({ claim, doneStep = Number.POSITIVE_INFINITY, ...of }) => claim === "won" && of.key === key && doneStep <= step,
    )
    .toSorted(byStep)
    .at(-1)?.process;
}

function* pairsOfOneKey(history: History): Generator<[PlayedRun, PlayedRun]> {
  for (const first of history.runs)
    for (const second of history.runs.slice(first.index + 1)) {
      const { key } = jobOf(history, first);
      if (key !== null && key === jobOf(history, second).key) yield [first, second];
    }
}

/** Only a process that stood still, or a store whose clock was changed, can lose a lease while it works. */
function isProtected(history: History, first: PlayedRun, second: PlayedRun): boolean {
  if (processOf(history, first) === processOf(history, second)) return true;
  return history.clockFaults.length === 0 && !goesOnUnprotected(history);
}

function overlap(first: readonly PlayedCall[], second: readonly PlayedCall[]): boolean {
  const endOf = (call: PlayedCall) => call.endStep ?? Number.POSITIVE_INFINITY;
  return first.some((a) => second.some((b) => a.startStep < endOf(b) && b.startStep < endOf(a)));
}

export const onlyTheHolderWrites: Invariant = {
  promise: "no process writes under a key that another one holds",
  check({ operations }, expect) {
    const holders = new Map<string, number>();
    for (const { operation, key, process, claim } of operations.filter(isDone).toSorted(byStep)) {
      if (claim === "won") holders.set(key, process);
      if (operation !== "claim" && operation !== "open")
        expect(
          holders.get(key) === process,
          () => `process ${process} did ${operation} ${key}, which another one held`,
        );
    }
  },
};

function isDone({ doneStep }: PlayedOperation): boolean {
  return doneStep !== undefined;
}

function byStep(a: PlayedOperation, b: PlayedOperation): number {
  return (a.doneStep ?? 0) - (b.doneStep ?? 0);
}

export const settledIsReplayed: Invariant = {
  promise: "a settled key gives its stored output, and calls nothing, for as long as it is kept",
  check(history, expect) {
    for (const settled of history.operations)
      for (const run of history.runs.filter((run) => isReplayed(history, settled, run))) {
        const isWhole = isDeepStrictEqual(asKept(outputOf(run)), asKept(asReplayed(settled.facts.output)));
        expect(isWhole && callsOf(history, run).length === 0, () => `run ${run.index} did not get what was stored`);
      }
  },
};

/** Distances are not stored: they are derived again, and `sharedIsEqual` compares them. */
function asKept(output: OrchestrationOutput<any> | undefined): unknown {
  const bundle = output?.content?.evidenceBundle;
  if (!bundle) return output;
  const { pairwiseDistance: _, ...summary } = bundle.summary;
  return { ...output, content: { ...output.content, evidenceBundle: { ...bundle, summary } } };
}

/** Whether a run asked for a settled output while it was kept, and was let to get it. */
function isReplayed(history: History, { key, doneAtMs, facts }: PlayedOperation, run: PlayedRun): boolean {
  if (doneAtMs === undefined || facts.output === undefined || jobOf(history, run).key !== key) return false;
  const { clockFaults } = history;
  const { storeFaults } = history.scenario;
  const isKept = run.startedAtMs > doneAtMs && (run.settledAtMs ?? 0) < doneAtMs + (facts.ttlMs ?? 0);
  const settler = history.runs.find(({ requestId }) => requestId === facts.output?.requestId);
  const isUndisturbed = storeFaults.length + clockFaults.length === 0 && outputOf(run) !== undefined;
  return isKept && isUndisturbed && settler?.fingerprint === run.fingerprint;
}

export const sharedIsEqual: Invariant = {
  promise: "all who wait for one execution get equal results",
  check(history, expect) {
    for (const first of history.runs)
      for (const second of history.runs.slice(first.index + 1)) {
        const [a, b] = [asReplayed(outputOf(first)), asReplayed(outputOf(second))];
        if (!a || !b || a.requestId !== b.requestId) continue;
        // Only the tool that made a bundle derives its distances again, and another job may not have it.
        const seen = jobOf(history, first) === jobOf(history, second) ? [a, b] : [asKept(a), asKept(b)];
        expect(
          isDeepStrictEqual(seen[0], seen[1]),
          () => `runs ${first.index} and ${second.index} got different results`,
        );
      }
  },
};

function asReplayed(output: OrchestrationOutput | undefined): OrchestrationOutput | undefined {
  return output && { ...output, metadata: { ...output.metadata, replayed: true } };
}
