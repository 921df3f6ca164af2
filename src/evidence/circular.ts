import { InvalidOptionsError } from "../core/errors.ts";

/** No JSON is nested this deep: only a value that contains itself. */
export const deepestNesting = 100_000;

export function circularAnswer(given: unknown): InvalidOptionsError {
  return new InvalidOptionsError([{ path: "data", given, allowed: "a tree without cycles" }]);
}
