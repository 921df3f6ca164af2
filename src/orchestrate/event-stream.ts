import type { OrchestrationEvent } from "../contract/event.ts";
import type { OrchestrationStream } from "../contract/run.ts";
import { schedule, systemClock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import { withoutBytes } from "../core/json.ts";

/** Longest time that the headers wait to learn whether the run is refused. */
const graceMs = 1_000;
/** Time without an event after which a comment goes out: proxies close connections that are silent for a minute. */
const keepAliveMs = 15_000;

/** Headers of a response whose body is server-sent events. */
const ownHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  // nginx would keep events back until it has a page of them.
  "x-accel-buffering": "no",
};

/** Waits until a run is known not to be refused, and gives its events as the body of a response. */
export async function respondWith<C>(stream: OrchestrationStream<C>, init: ResponseInit): Promise<Response> {
  if ("runId" in stream) return respondFromLog(stream, init);
  const events = stream[Symbol.asyncIterator]();
  const first = await events.next();
  // Of what a run does first, a refusal is told at once; another process that holds its key may take minutes.
  const second = events.next();
  // A run that has failed resolves with an output: only a refused one throws here.
  if (await endsAtOnce(second)) await stream.output;
  return eventResponse(linesOf(events, [first, second]), () => events.return?.(), init);
}

/**
 * A run in the log was accepted already, whatever became of it. A client that has its last event is told to stop asking: 204
 * ends the reconnecting of an EventSource.
 */
async function respondFromLog<C>(stream: OrchestrationStream<C>, init: ResponseInit): Promise<Response> {
  const events = stream[Symbol.asyncIterator]();
  const first = events.next();
  if ((await soon(first))?.done) return new Response(null, { ...init, status: 204 });
  // The log is not asked again for a client that has left, also where the run is silent.
  return eventResponse(toItsEnd(linesOf(events, [first])), () => stream.cancel("the client left"), init);
}

/** Ends without an error, which would take away what the client has not read yet: asked once more, it hears the error itself. */
async function* toItsEnd(lines: AsyncGenerator<string, void>): AsyncGenerator<string, void> {
  try {
    yield* lines;
  } catch (error) {
    yield `: ${JSON.stringify(messageOf(error))}\n\n`;
  }
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

async function* linesOf(
  events: AsyncIterator<OrchestrationEvent>,
  read: readonly (Next | Promise<Next>)[],
): AsyncGenerator<string, void> {
  for (const ahead of read) {
    const next = await ahead;
    if (next.done) return;
    yield eventLines(next.value);
  }
  for (let next = await events.next(); !next.done; next = await events.next()) yield eventLines(next.value);
}

/**
 * JSON has no line breaks of its own, so that no text of a model can begin an event. Pictures and files of a request are told
 * by their size: the client has sent them itself.
 */
function eventLines(event: OrchestrationEvent): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event, withoutBytes)}\n\n`;
}

/**
 * Returns lines of server-sent events as a response. They are read as the client reads: nothing is piled up for one that does
 * not.
 *
 * @param onLeave hears of a client that has left
 */
export function eventResponse(lines: AsyncIterator<string>, onLeave: () => unknown, init: ResponseInit = {}): Response {
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(ownHeaders)) headers.set(name, value);
  return new Response(bodyOf(lines, onLeave), { ...init, headers });
}

function bodyOf(lines: AsyncIterator<string>, onLeave: () => unknown): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let stopKeepingAlive = () => {};
  const keepAlive = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    stopKeepingAlive = schedule(
      systemClock,
      () => {
        // One that was not read yet is enough.
        if ((controller.desiredSize ?? -1) >= 0) controller.enqueue(encoder.encode(": keep-alive\n\n"));
        keepAlive(controller);
      },
      keepAliveMs,
    );
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        keepAlive(controller);
        const next = await lines.next().finally(() => stopKeepingAlive());
        if (next.done) controller.close();
        else controller.enqueue(encoder.encode(next.value));
      },
      async cancel() {
        stopKeepingAlive();
        await onLeave();
      },
    },
    { highWaterMark: 0 },
  );
}
