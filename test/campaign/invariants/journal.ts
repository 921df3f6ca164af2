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
