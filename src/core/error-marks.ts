const originals = new WeakMap<object, unknown>();

/** Remembers which error plain data tells of, for as long as there is such data, and nowhere but in this process. */
export function keepOriginal<T extends object>(facts: T, error: unknown): T {
  originals.set(facts, error);
  return facts;
}

/** Returns what was thrown, as it was thrown; `undefined` for data of another process, or a copy. */
export function originalOf(facts: object): unknown {
  return originals.get(facts);
}

const rejections = new WeakSet<object>();

/** Remembers that a run has rejected with this error, or was refused with it. */
export function asRejection<E>(error: E): E {
  if (typeof error === "object" && error !== null) rejections.add(error);
  return error;
}

/** Returns true of an error that a run has rejected with: to a run that still goes on, it tells the end of another. */
export function hasRejected(error: object): boolean {
  return rejections.has(error);
}
