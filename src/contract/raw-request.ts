const raw = new WeakMap<object, unknown>();

/** Remembers which request of a caller a tool's schema has made into this one. */
export function keepRawRequest<R>(accepted: R, request: unknown): R {
  if (typeof accepted === "object" && accepted !== null && accepted !== request) raw.set(accepted, request);
  return accepted;
}

/**
 * What the caller asked for, where this request is what a schema made of it: what that fills in, such as the time, may be
 * another thing at every run of the same request.
 */
export function rawRequestOf(request: unknown): unknown {
  return raw.get(request as object) ?? request;
}
