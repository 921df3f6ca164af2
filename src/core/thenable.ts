/** Whether it has to be awaited. */
export function isThenable(given: unknown): given is PromiseLike<unknown> {
  return typeof (given as PromiseLike<unknown> | null | undefined)?.then === "function";
}

/**
 * Says whether somebody's function gave a promise where nobody waits for one, and hears how it ends: a rejection that
 * nobody hears would end the process.
 */
export function ignorePromise(given: unknown): boolean {
  if (!isThenable(given)) return false;
  given.then(undefined, () => {});
  return true;
}
