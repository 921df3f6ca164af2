const brand = Symbol.for("steer-llm-sdk.invalid-output");

/** A model's answer does not fit its schema, also after repair. Its `data` is kept, and does not vote. */
export class InvalidOutputError extends Error {
  /** One phrase per fault, as the model may be shown them. */
  readonly errors: readonly string[];
  /** The answer as it came. */
  readonly data: unknown;

  constructor(errors: readonly string[], data?: unknown) {
    super(`The answer does not fit its schema: ${errors.join("; ")}`);
    this.name = "InvalidOutputError";
    this.errors = errors;
    this.data = data;
    Object.defineProperty(this, brand, { value: true });
  }

  /** Like `instanceof`, and also true for the same error from another copy of this package. */
  static isInstance(error: unknown): error is InvalidOutputError {
    return typeof error === "object" && error !== null && brand in error;
  }
}
