import type { Replicate } from "../../../src/index.ts";
import type { History, PlayedCall, PlayedRun } from "../history.ts";
import type { Invariant } from "./invariant.ts";
import { callsOf, goesOnUnprotected, jobOf, processOf } from "./reports.ts";

export const journaledIsNotAskedAgain: Invariant = {
  promise: "a replicate that was journaled is never asked for again",
  check(history, expect) {
    if (goesOnUnprotected(history)) return;
    for (const run of history.runs) {
      const { key } = jobOf(history, run);
      if (key === null) continue;
      for (const call of callsOf(history, run))
        expect(
          !isJournaled(history, run, call),
          () => `run ${run.index} asked ${call.model} for seed ${call.seed}, which was journaled`,
        );
    }
  },
};

export const journaledBeforeReported: Invariant = {
  promise: "a replicate is journaled before it is reported",
  check(history, expect) {
    if (history.scenario.storeFaults.length > 0) return;
    for (const run of history.runs) {
      const { key } = jobOf(history, run);
      for (const [place, event] of run.events.entries()) {
        if (key === null || event.type !== "replicate_done" || !event.replicate?.valid) continue;
        const { seed, model, reused } = event.replicate;
        const reportedStep = run.heard[place]?.step ?? 0;
        const isThere = history.operations.some(
          ({ key: own, facts, doneStep = Number.POSITIVE_INFINITY }) =>
            // An answer of an earlier run is kept where it was found.
            (own === key || (reused && own?.startsWith("answers/"))) &&
            doneStep < reportedStep &&
            facts.replicate?.seed === seed &&
            facts.replicate.model === model,
        );
        expect(
          isThere || wasRefused(history, run),
          () => `run ${run.index} reported seed ${seed} of ${model} too early`,
        );
      }
    }
  },
};

/** Whether a run had lost its key, so that the store took nothing from it any more. */
function wasRefused(history: History, run: PlayedRun): boolean {
  const appends = history.operations.filter(({ operation }) => operation === "append");
  return appends.some(({ process, doneStep }) => doneStep === undefined && process === processOf(history, run));
}

/** Whether a replicate of this place was journaled when the run got its key, or has been confirmed to it since. */
function isJournaled(history: History, run: PlayedRun, call: PlayedCall): boolean {
  let isOurs = false;
  let isWritten = false;
  let isKnown = false;
  for (const { operation, key, facts, claim, fault, doneStep, process } of history.operations) {
    if (key !== jobOf(history, run).key || doneStep === undefined || doneStep > call.startStep) continue;
    const isByUs = process === processOf(history, run);
    if (operation === "settle") isWritten = isKnown = false;
    if (claim === "won") isOurs = facts.fingerprint === run.fingerprint;
    if (claim === "won" && isByUs) isKnown = isWritten;
    if (operation !== "append" || !isOurs || !isOf(facts.replicate, call)) continue;
    isWritten = true;
    isKnown ||= isByUs && (fault === undefined || fault.kind === "slow");
  }
  return isKnown;
}

function isOf(replicate: Replicate | undefined, { model, seed }: PlayedCall): boolean {
  return replicate?.model === model && replicate.seed === seed;
}
