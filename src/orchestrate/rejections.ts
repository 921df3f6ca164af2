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
