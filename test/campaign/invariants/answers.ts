import { isDeepStrictEqual } from "node:util";
import type { EvidenceBundle, Replicate } from "../../../src/index.ts";
import type { History, PlayedCall, PlayedRun } from "../history.ts";
import type { Invariant } from "./invariant.ts";
import { jobOf, outputOf } from "./reports.ts";

export const outputsAreJson: Invariant = {
  promise: "an output is whole after a round trip through JSON",
  check({ runs }, expect) {
    for (const run of runs) {
      const output = outputOf(run);
      if (output)
        expect(
          isDeepStrictEqual(JSON.parse(JSON.stringify(output)), output),
          () => `the output of run ${run.index} is no JSON`,
        );
    }
  },
};

export const answersWereGiven: Invariant = {
  promise: "every valid replicate is an answer to a call with its seed, by the tool that the output names",
  check(history, expect) {
    for (const run of history.runs) {
      const output = outputOf(run);
      const bundle: EvidenceBundle | undefined = output?.content?.evidenceBundle;
      if (!bundle) continue;
      for (const replicate of bundle.replicates)
        if (replicate.valid)
          expect(
            wasGiven(history, run, output?.metadata.toolName as string, replicate),
            () =>
              `run ${run.index} has replicate ${replicate.id} of ${replicate.model} that no model gave: ${JSON.stringify(replicate.data)}`,
          );
    }
  },
};

/** A reused answer is one that another run was given to the same question. */
function wasGiven(history: History, run: PlayedRun, tool: string, replicate: Replicate): boolean {
  const { model, data, reused, callSeed: seed = replicate.seed } = replicate;
  const { key, question } = jobOf(history, run);
  return history.calls.some((call) => {
    const caller = history.runs[call.run] as PlayedRun;
    const { key: callersKey, question: callersQuestion } = jobOf(history, caller);
    const isOurs = caller === run || (key !== null && callersKey === key) || (reused && callersQuestion === question);
    return (
      isOurs &&
      call.tool === tool &&
      call.model === model &&
      call.seed === seed &&
      answersOf(call).some((answer) => isDeepStrictEqual(answer, data))
    );
  });
}

function answersOf({ data, samples = [] }: PlayedCall): readonly unknown[] {
  return [data, ...samples];
}

export const samplesVoteOnce: Invariant = {
  promise: "no more answers are asked for in one request than k, and each votes once",
  check(history, expect) {
    for (const run of history.runs) {
      const { k } = jobOf(history, run);
      for (const { asked } of history.calls.filter((call) => call.run === run.index))
        expect(asked <= k, () => `run ${run.index} asked for ${asked} answers of ${k} at once`);
      const bundle: EvidenceBundle | undefined = outputOf(run)?.content?.evidenceBundle;
      const sampled = (bundle?.replicates ?? []).filter(({ valid, callSeed }) => valid && callSeed !== undefined);
      for (const { model, callSeed, json } of sampled) {
        const isAlike = (other: Replicate) =>
          other.model === model && (other.callSeed ?? other.seed) === callSeed && isDeepStrictEqual(other.json, json);
        const votes = bundle?.replicates.filter((other) => other.valid && isAlike(other)).length ?? 0;
        const given = history.calls
          .filter((call) => call.model === model && call.seed === callSeed)
          .flatMap((call) => answersOf(call).filter((answer) => isDeepStrictEqual(answer, json))).length;
        expect(votes <= given, () => `run ${run.index} counts ${votes} votes of ${given} equal answers`);
      }
    }
  },
};

export const reusedIsNotPaidAgain: Invariant = {
  promise: "a reused answer costs nothing, and its run has not asked for it",
  check(history, expect) {
    for (const run of history.runs) {
      const bundle: EvidenceBundle | undefined = outputOf(run)?.content?.evidenceBundle;
      for (const { id, reused, costUsd, seed, model } of bundle?.replicates ?? []) {
        if (!reused) continue;
        expect(costUsd === 0, () => `run ${run.index} pays ${costUsd} for the reused ${id}`);
        expect(
          !history.calls.some((call) => call.run === run.index && call.seed === seed && call.model === model),
          () => `run ${run.index} has asked for ${id}, which it reuses`,
        );
      }
    }
  },
};

export const statusTellsTheTruth: Invariant = {
  promise:
    "a completed or partial bundle has a valid replicate, a failed output says why, and no replicate stands in one twice",
  check({ runs }, expect) {
    for (const run of runs) {
      const output = outputOf(run);
      if (!output) continue;
      const bundle: EvidenceBundle | undefined = output.content?.evidenceBundle;
      const ids = bundle?.replicates.map(({ id }) => id) ?? [];
      expect(new Set(ids).size === ids.length, () => `run ${run.index} has the replicates ${ids}`);
      if (output.status === "failed")
        expect(Object.keys(output.errors).length > 0, () => `run ${run.index} failed for no reason`);
      else if (bundle)
        expect(bundle.summary.validCount > 0, () => `run ${run.index} is ${output.status} without an answer`);
    }
  },
};
