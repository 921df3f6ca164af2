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
