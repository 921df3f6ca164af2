const originals = new WeakMap<object, unknown>();

/** Remembers which error plain data tells of, for as long as there is such data, and nowhere but in this process. */
export function keepOriginal<T extends object>(facts: T, error: unknown): T {
  originals.set(facts, error);
  return facts;
}

/** What was thrown, as it was thrown; `undefined` for data of another process, or a copy. */
export function originalOf(facts: object): unknown {
  return originals.get(facts);
}

const rejections = new WeakSet<object>();

/** Remembers that a run has rejected with this error, or was refused with it. */
export function asRejection<E>(error: E): E {
  if (typeof error === "object" && error !== null) rejections.add(error);
  return error;
}

/** Whether a run has rejected with this error: to one that is still going on, it is what became of another run. */
export function hasRejected(error: object): boolean {
  return rejections.has(error);
}
