import type { EvidenceBundle, Replicate } from "../../../src/index.ts";
import type { PlayedRun } from "../history.ts";
import type { Invariant } from "./invariant.ts";
import { errorOf, outputOf, sharingOf } from "./reports.ts";

export const evidenceIsKept: Invariant = {
  promise: "every valid replicate that was reported stands in the output, or in the error",
  check(history, expect) {
    for (const run of history.runs) {
      if (!run.outcome) continue;
      // Who leaves an execution that others wait for leaves its evidence to them.
      const kept = new Set(sharingOf(history, run).flatMap(keptBy));
      for (const { id } of reportedBy(run))
        expect(
          kept.has(id) || (kept.size > 0 && isAskedAsAWhole(run)),
          () => `run ${run.index} reported ${id}, and has ${[...kept].join(", ") || "nothing"}`,
        );
    }
  },
};

function keptBy(run: PlayedRun): readonly string[] {
  const content = (outputOf(run) ?? errorOf(run)?.partial)?.content;
  const bundle: EvidenceBundle | undefined = content?.evidenceBundle;
  return bundle?.replicates.filter(({ valid }) => valid).map(({ id }) => id) ?? [];
}

/** Valid replicates of the last tool of a run, as its events tell of them. */
function reportedBy({ events }: PlayedRun): readonly Replicate[] {
  const start = events.findLastIndex(({ type }) => type === "tool_started");
  return events
    .slice(Math.max(0, start))
    .flatMap((event) => (event.type === "replicate_done" && event.replicate?.valid ? event.replicate : []));
}

/** Another attempt at all that an overridden `executeBundle` does stands in the place of the one before. */
function isAskedAsAWhole({ events }: PlayedRun): boolean {
  return events.findLast(({ type }) => type === "tool_started")?.source.startsWith("whole") ?? false;
}
