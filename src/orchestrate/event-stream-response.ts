import type { OrchestrationStream } from "../contract/run.ts";

/**
 * Returns a run's events as a response of server-sent events, for any server that speaks Fetch. Each event goes out under its
 * type, with its number as `id` and itself, as JSON, as `data`; the last one is `run_completed`, `run_failed` or `cancelled`.
 * When the client leaves, the run is cancelled, and with it the provider's call. `partial_summary` carries the fields so far.
 *
 * A run that is refused rejects before the headers, with the run's own error, so that it can be answered as a bad request and
 * not by an event after a 200.
 *
 * A stream out of an event log, by `streamRun`, serves a client that reconnects: it has sent the last `id` that it got as
 * `Last-Event-ID`. When that client leaves, the run goes on. A client that has the last event gets a 204, and asks no more.
 *
 * @param init headers and status of the response; the type and the caching of its body are set here
 * @throws the error of a run that has rejected before it did anything
 *
 * @example
 * ```ts
 * export async function POST(call: Request): Promise<Response> {
 *   const request = (await call.json()) as { report: string };
 *   return toEventStreamResponse(orchestrator.stream({ tool: triage, request }));
 * }
 *
 * export async function GET(call: Request): Promise<Response> {
 *   const afterSeq = Number(call.headers.get("last-event-id") ?? -1);
 *   return toEventStreamResponse(streamRun(events, new URL(call.url).searchParams.get("run") ?? "", { afterSeq }));
 * }
 * ```
 */
export async function toEventStreamResponse<C>(
  stream: OrchestrationStream<C>,
  init: ResponseInit = {},
): Promise<Response> {
  const { respondWith } = await import("./event-stream.ts");
  return respondWith(stream, init);
}
