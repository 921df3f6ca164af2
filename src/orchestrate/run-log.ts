import type { EventType, OrchestrationEvent } from "../contract/event.ts";
import type { Logger } from "../contract/settings.ts";
import { originalOf } from "../core/error-marks.ts";
import { messageOf, withoutSecrets } from "../core/errors.ts";
import { classify } from "../guard/classify.ts";
import type { RunIdentity, RunLog } from "./run-events.ts";

const levels: Partial<Record<EventType, "info" | "warn" | "error">> = {
  run_started: "info",
  run_completed: "info",
  cancelled: "info",
  warning: "warn",
  retry_scheduled: "warn",
  circuit_opened: "warn",
  fallback_started: "warn",
  timeout: "warn",
  error: "error",
  run_failed: "error",
};

/**
 * Tells a logger of a run's events; where one tells of an exception of the user's own code, as `err` with its stack. What
 * a listener throws it tells once a listener: one that fails on one event may fail on all.
 *
 * @param isRedacted leaves the exceptions out: a stack cannot be redacted
 */
export function createRunLog(
  logger: Logger,
  { traceId, requestId }: RunIdentity,
  { isRedacted }: { readonly isRedacted: boolean },
): RunLog {
  const failing = new WeakSet<object>();
  return {
    onEvent: (event) => logEvent(logger, event, isRedacted ? undefined : ownException(event)),
    onListenerError(err, listener) {
      if (failing.has(listener)) return undefined;
      failing.add(listener);
      return logger.warn({ traceId, requestId, err: loggedError(err) }, "steer listener failed");
    },
  };
}

/** @returns what the logger gives: a promise, where a logger is none that `Logger` allows */
function logEvent(logger: Logger, event: OrchestrationEvent, err: unknown): unknown {
  const { type } = event;
  const level = levels[type] ?? (err === undefined ? "debug" : "warn");
  return logger[level](err === undefined ? event : { ...event, err: loggedError(err) }, `steer ${type}`);
}

/** Log the exception only if it is unclassified: classified errors are covered by their facts and may contain the prompt. */
function ownException(event: OrchestrationEvent): unknown {
  const facts = factsOfFailure(event);
  const original = facts && originalOf(facts);
  return original !== undefined && isOfOwnCode(original) ? original : undefined;
}

function isOfOwnCode(error: unknown): boolean {
  const { category, code } = classify(error);
  return category === "unknown" && !code.startsWith("HTTP_");
}

function factsOfFailure(event: OrchestrationEvent): object | undefined {
  if (event.type === "error") return event.error;
  if (event.type === "replicate_done") return event.replicate;
  // The failure of a tool was told by its `error`.
  return event.type === "run_failed" && !event.output ? event.error : undefined;
}

/** An exception as a log may have it: itself, or where secrets stand in it, its name, message, stack and causes without them. */
function loggedError(error: unknown, depth = 0): unknown {
  if (typeof error === "string") return withoutSecrets(error);
  if (!(error instanceof Error) || depth > deepestCause) return error;
  const message = messageOf(error);
  const stack = error.stack && withoutSecrets(error.stack);
  const cause = loggedError(error.cause, depth + 1);
  if (message === error.message && stack === error.stack && cause === error.cause) return error;
  const { name } = error;
  return Object.assign(new Error(message, { cause }), { name, stack });
}

/** A chain of causes that is longer goes in a circle. */
const deepestCause = 20;
