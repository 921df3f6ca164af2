import type { PlayedRun } from "../history.ts";
import type { Invariant } from "./invariant.ts";
import { callsTo, processOf } from "./reports.ts";

export const pausesAreKept: Invariant = {
  promise: "a model whose provider asks for a pause is not called before its end",
  check(history, expect) {
    for (const refused of history.calls) {
      // Calls that a tool makes by itself are its own to slow down.
      if (!refused.retryAfterMs || refused.wasAborted || refused.tool.startsWith("whole")) continue;
      const untilMs = (refused.endedAtMs ?? 0) + refused.retryAfterMs;
      for (const call of callsTo(history, refused.provider, processOf(history, history.runs[refused.run] as PlayedRun)))
        if (call.model === refused.model && !call.tool.startsWith("whole") && call.startStep > (refused.endStep ?? 0))
          expect(
            call.startedAtMs >= untilMs,
            () =>
              `${call.provider}:${call.model} was called at ${call.startedAtMs} ms, and had asked for a pause until ${untilMs} ms`,
          );
    }
  },
};
