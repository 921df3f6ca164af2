import type { OrchestrationEvent } from "../contract/event.ts";
import { type Clock, schedule } from "../core/clock.ts";

/** Time without a line after which a comment goes out: proxies close connections that are silent for a minute. */
const keepAliveMs = 15_000;

/** Headers of a response whose body is server-sent events. */
export const eventHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  // nginx would keep events back until it has a page of them.
  "x-accel-buffering": "no",
} as const;

/**
 * Returns lines as the body of a response, one read at a time: nothing is piled up for a client that does not read.
 *
 * @param onLeave hears of a client that has left, and of the end
 */
export function bodyOf(
  lines: AsyncGenerator<string, void>,
  clock: Clock,
  onLeave: () => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let stopKeepingAlive = () => {};
  const keepAlive = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    stopKeepingAlive = schedule(
      clock,
      () => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(": keep-alive\n\n"));
        keepAlive(controller);
      },
      keepAliveMs,
    );
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        keepAlive(controller);
        try {
          const next = await lines.next();
          if (!next.done) return controller.enqueue(encoder.encode(next.value));
          onLeave();
          controller.close();
        } catch (error) {
          onLeave();
          controller.error(error);
        } finally {
          stopKeepingAlive();
        }
      },
      cancel() {
        stopKeepingAlive();
        onLeave();
      },
    },
    { highWaterMark: 1 },
  );
}

/** JSON has no line breaks of its own, so that no text of a model can begin an event. */
export function eventLines(event: OrchestrationEvent): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
