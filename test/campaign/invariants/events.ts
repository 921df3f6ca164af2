import { isDeepStrictEqual } from "node:util";
import type { PlayedRun } from "../history.ts";
import type { Invariant } from "./invariant.ts";
import { errorOf, outputOf } from "./reports.ts";

const terminal = ["run_completed", "run_failed", "cancelled"];

export const numbersHaveNoGap: Invariant = {
  promise: "events are numbered from 0, without a gap",
  check({ runs }, expect) {
    for (const { index, events } of runs)
      expect(
        events.every(({ seq }, place) => seq === place),
        () => `the events of run ${index} have the numbers ${events.map(({ seq }) => seq)}`,
      );
  },
};

export const oneTerminalEvent: Invariant = {
  promise: "exactly one terminal event, the last, which says how the run ended",
  check({ runs }, expect) {
    for (const run of runs) {
      if (!run.outcome) continue;
      const types = run.events.map(({ type }) => type);
      const isOnlyLast = types.every((type, place) => terminal.includes(type) === (place === types.length - 1));
      expect(types.length > 0 && isOnlyLast, () => `run ${run.index} had the events ${types}`);
      expect(
        types.at(-1) === terminalFor(run),
        () => `run ${run.index} ended with ${types.at(-1)} for ${terminalFor(run)}`,
      );
    }
  },
};

export const streamShowsAll: Invariant = {
  promise: "a stream shows what listeners hear, up to where it is left",
  check({ runs }, expect) {
    for (const { index, plan, events, streamed, hasReadAll } of runs) {
      if (plan.form !== "stream") continue;
      const heard = hasReadAll ? events : events.slice(0, streamed.length);
      expect(
        isDeepStrictEqual(streamed, heard),
        () => `run ${index} streamed ${streamed.length} events of ${events.length}`,
      );
    }
  },
};

function terminalFor(run: PlayedRun): string {
  const output = outputOf(run);
  if (output) return output.status === "failed" ? "run_failed" : "run_completed";
  return errorOf(run).code === "CANCELLED" ? "cancelled" : "run_failed";
}
