import { CancelledError } from "../contract/errors.ts";
import type { OrchestrationEvent } from "../contract/event.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import type { OrchestrationStream } from "../contract/run.ts";
import { Emitter } from "../core/emitter.ts";
import type { PreparedRun } from "./prepare-run.ts";

/**
 * A run as a stream of its events. A run that is refused at the edge has no events: the loop over it rejects, as its
 * `output` does.
 */
export function createRunStream<C>(
  prepare: () => PreparedRun,
  start: (run: PreparedRun) => Promise<OrchestrationOutput>,
): OrchestrationStream<C> {
  try {
    const run = prepare();
    const cancel = (reason: unknown) => run.callerScope.abort(new CancelledError(reason));
    const events = run.events.read(() => cancel("the loop over the stream was left"));
    return streamOf(events, start(run), cancel);
  } catch (error) {
    const refused = new Emitter<OrchestrationEvent>();
    const events = refused.read();
    refused.end(error);
    return streamOf(events, Promise.reject(error), () => {});
  }
}

function streamOf<C>(
  events: AsyncIterableIterator<OrchestrationEvent>,
  output: Promise<OrchestrationOutput>,
  cancel: (reason: unknown) => void,
): OrchestrationStream<C> {
  // Whoever reads `output` gets the rejection; nobody has to.
  output.catch(() => {});
  return {
    output: output as Promise<OrchestrationOutput<C>>,
    cancel: (reason = "stream.cancel() was called") => cancel(reason),
    [Symbol.asyncIterator]: () => events as AsyncIterableIterator<OrchestrationEvent<C>>,
    async [Symbol.asyncDispose]() {
      cancel("the stream was disposed of");
      await output.catch(() => {});
    },
  };
}
