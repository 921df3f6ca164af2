import { messageOf } from "../core/errors.ts";
import { withoutSecrets } from "../core/secrets.ts";

/** An exception as a log may have it: itself, or where secrets stand in it, its name, message, stack and causes without them. */
export function loggedError(error: unknown, depth = 0): unknown {
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
