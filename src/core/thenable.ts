/** Returns true of a value that has to be awaited. */
export function isThenable(given: unknown): given is PromiseLike<unknown> {
  return typeof (given as PromiseLike<unknown> | null | undefined)?.then === "function";
}

/**
 * Returns true where a function of the user's gave a promise that is not awaited, and handles its rejection, which would
 * otherwise end the process.
 */
export function ignorePromise(given: unknown): boolean {
  if (!isThenable(given)) return false;
  given.then(undefined, () => {});
  return true;
}
