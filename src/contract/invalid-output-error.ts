const brand = Symbol.for("steer-llm-sdk.invalid-output");

/** How many faults the message names; `errors` has them all. */
const namedInMessage = 3;

/**
 * A model's answer is not what its schema asks for, even after repair. A guarded call tries once more, with `errors`
 * at hand to show to the model.
 */
export class InvalidOutputError extends Error {
  /** Where the answer is wrong, and why: one sentence a fault. */
  readonly errors: readonly string[];
  /** The answer as it came. It is kept, and does not vote. */
  readonly data: unknown;

  constructor(errors: readonly string[], options?: { data?: unknown; cause?: unknown }) {
    const more = errors.length > namedInMessage ? ` (and ${errors.length - namedInMessage} more)` : "";
    super(`The answer does not fit its schema: ${errors.slice(0, namedInMessage).join("; ")}${more}`, options);
    this.name = "InvalidOutputError";
    this.errors = errors;
    this.data = options?.data;
    Object.defineProperty(this, brand, { value: true });
  }

  /** Like `instanceof`, and also true for the same error from another copy of this package. */
  static isInstance(error: unknown): error is InvalidOutputError {
    return typeof error === "object" && error !== null && brand in error;
  }
}
