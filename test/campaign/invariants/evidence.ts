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
      for (const name of reportedBy(run))
        expect(
          kept.has(name) || (kept.size > 0 && isAskedAsAWhole(run)),
          () => `run ${run.index} reported ${name}, and has ${[...kept].join(", ") || "nothing"}`,
        );
    }
  },
};

/** Valid replicates by their ids, answers of agents by their number. */
function keptBy(run: PlayedRun): readonly string[] {
  const content: any = (outputOf(run) ?? errorOf(run)?.partial)?.content ?? {};
  if (!content.evidenceBundle) return Object.keys(content).map(numbered);
  return content.evidenceBundle.replicates.flatMap(({ valid, id }: any) => (valid ? id : []));
}

/** The same, of the last tool of a run, as its events tell of them. */
function reportedBy(run: PlayedRun): readonly string[] {
  const start = run.events.findLastIndex(({ type }) => type === "tool_started");
  const ids = run.events
    .slice(Math.max(0, start))
    .flatMap((event) => (event.type === "replicate_done" && event.replicate?.valid ? event.replicate.id : []));
  return toolOf(run) === "agents" ? ids.map(numbered) : ids;
}

function numbered(_: unknown, index: number): string {
  return `answer ${index + 1}`;
}

/** Another attempt at all that an overridden `executeBundle` does stands in the place of the one before. */
function isAskedAsAWhole(run: PlayedRun): boolean {
  return toolOf(run).startsWith("whole");
}

function toolOf({ events }: PlayedRun): string {
  return events.findLast(({ type }) => type === "tool_started")?.source ?? "";
}
