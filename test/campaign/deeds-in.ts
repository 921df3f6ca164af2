import type { EventType } from "../../src/index.ts";
import type { History, PlayedRun } from "./history.ts";
import { errorOf, outputOf } from "./invariants/reports.ts";

/** Events that say what was done about a fault. */
const telling: ReadonlySet<EventType> = new Set<EventType>([
  "retry_scheduled",
  "attempt_discarded",
  "circuit_opened",
  "circuit_half_open",
  "circuit_closed",
  "fallback_started",
]);

/** What the product did in a history: so that a campaign in which nothing happens does not pass for a good one. */
export function* deedsIn({ runs, calls, recoveries }: History): Generator<string> {
  for (const { endsAs } of recoveries) yield `circuit of a provider that is well again: ${endsAs}`;
  for (const { asked, samples = [] } of calls)
    if (asked > 1) yield `several answers in one request: ${samples.length + 1 < asked ? "fewer" : "all"} given`;
  if (calls.some(({ asksForCache }) => asksForCache)) yield "prompt cache: asked for";
  if (calls.some(({ told }) => told?.cachedInputTokens)) yield "prompt cache: read";
  for (const run of runs) {
    yield `ended: ${endOf(run)}`;
    for (const { type } of run.events) if (telling.has(type)) yield `event: ${type}`;
    const { requestId, metadata, content } = outputOf(run) ?? {};
    if (metadata?.replayed) yield "key: replayed";
    else if (requestId !== undefined && requestId !== run.requestId) yield "key: joined";
    if (metadata?.journaledUsage) yield "key: resumed from the journal";
    if ((content as any)?.evidenceBundle?.meta.escalations) yield "bundle: escalated";
  }
}

function endOf(run: PlayedRun): string {
  return outputOf(run)?.status ?? errorOf(run).code;
}
