import type { OrchestrationEvent } from "../contract/event.ts";
import type { OrchestrationStream } from "../contract/run.ts";
import { schedule, systemClock } from "../core/clock.ts";
import { withoutBytes } from "../core/json.ts";

/** Longest time that the headers wait to learn whether the run is refused. */
const graceMs = 1_000;
/** Time without an event after which a comment goes out: proxies close connections that are silent for a minute. */
const keepAliveMs = 15_000;

const ownHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  // nginx would keep events back until it has a page of them.
  "x-accel-buffering": "no",
};

/** Waits until a run is known not to be refused, and gives its events as the body of a response. */
export async function respondWith<C>(stream: OrchestrationStream<C>, init: ResponseInit): Promise<Response> {
  const events = stream[Symbol.asyncIterator]();
  if ("runId" in stream) return respondFromLog(events, init);
  const first = await events.next();
  // Of what a run does first, a refusal is told at once; another process that holds its key may take minutes.
  const second = events.next();
  // A run that has failed resolves with an output: only a refused one throws here.
  if (await endsAtOnce(second)) await stream.output;
  return new Response(bodyOf(events, [first, second]), withOwnHeaders(init));
}

/**
 * A run in the log was accepted already, whatever became of it. A client that has its last event is told to stop asking: 204
 * ends the reconnecting of an EventSource.
 */
async function respondFromLog(events: AsyncIterator<OrchestrationEvent>, init: ResponseInit): Promise<Response> {
  const first = events.next();
  if ((await soon(first))?.done) return new Response(null, { ...init, status: 204 });
  return new Response(bodyOf(events, [first]), withOwnHeaders(init));
}

function withOwnHeaders(init: ResponseInit): ResponseInit {
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(ownHeaders)) headers.set(name, value);
  return { ...init, headers };
}

type Next = IteratorResult<OrchestrationEvent>;

/** True where the run is over with its second event. */
async function endsAtOnce(second: Promise<Next>): Promise<boolean> {
  const next = await soon(second);
  return next?.value?.type === "run_failed" || next?.value?.type === "cancelled";
}

/** Resolves with what comes within `graceMs`, else with `undefined`. */
async function soon(next: Promise<Next>): Promise<Next | undefined> {
  const { promise: tooLate, resolve } = Promise.withResolvers<undefined>();
  const stop = schedule(systemClock, () => resolve(undefined), graceMs);
  return Promise.race([next, tooLate]).finally(stop);
}

function bodyOf(
  events: AsyncIterator<OrchestrationEvent>,
  read: readonly (Next | Promise<Next>)[],
): ReadableStream<Uint8Array> {
  const ahead = [...read];
  const encoder = new TextEncoder();
  let stopKeepingAlive = () => {};
  const keepAlive = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    stopKeepingAlive = schedule(
      systemClock,
      () => {
        // Nothing is piled up for a client that does not read.
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(": keep-alive\n\n"));
        keepAlive(controller);
      },
      keepAliveMs,
    );
  };
  return new ReadableStream<Uint8Array>({
    start: keepAlive,
    async pull(controller) {
      const next = await Promise.resolve(ahead.shift() ?? events.next()).finally(() => stopKeepingAlive());
      if (next.done) return controller.close();
      controller.enqueue(encoder.encode(eventLines(next.value)));
      keepAlive(controller);
    },
    async cancel() {
      stopKeepingAlive();
      await events.return?.();
    },
  });
}

/**
 * JSON has no line breaks of its own, so that no text of a model can begin an event. Pictures and files of a request are told
 * by their size: the client has sent them itself.
 */
function eventLines(event: OrchestrationEvent): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event, withoutBytes)}\n\n`;
}
