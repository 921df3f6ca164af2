import type { Logger } from "../contract/settings.ts";
import type { OnListenerError } from "../core/emitter.ts";
import type { RunIdentity } from "./run-events.ts";

/** Tells a logger what a run's listeners throw: once a listener, for one that fails on one event may fail on all. */
export function listenerErrorLog(logger: Logger, { traceId, requestId }: RunIdentity): OnListenerError {
  const known = new WeakSet<object>();
  return (err, listener) => {
    if (known.has(listener)) return;
    known.add(listener);
    logger.warn({ traceId, requestId, err }, "steer listener failed");
  };
}
