/** How many faults the message names; `errors` has them all. */
const namedInMessage = 3;

/**
 * A model's answer is not what its schema asks for, even after repair. A guarded call tries once more, with `errors`
 * at hand to show to the model.
 */
export class InvalidOutputError extends Error {
  /** Where the answer is wrong, and why: one sentence a fault. */
  readonly errors: readonly string[];

  constructor(errors: readonly string[], options?: { cause?: unknown }) {
    const more = errors.length > namedInMessage ? ` (and ${errors.length - namedInMessage} more)` : "";
    super(`The answer does not fit its schema: ${errors.slice(0, namedInMessage).join("; ")}${more}`, options);
    this.name = "InvalidOutputError";
    this.errors = errors;
  }
}
