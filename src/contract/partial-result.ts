import type { OutputError } from "./output.ts";

/**
 * Thrown by a tool that ended without all that it was asked for, but has something to show. The run turns it into a
 * partial or failed output, or into the rejection that `cause` stands for, with the content on it.
 */
export class PartialResult extends Error {
  /** Content that there is. */
  readonly content: unknown;
  /** True where the content answers the request at all. */
  readonly isUsable: boolean;
  /** Failures, by the name of the tool or of its part. */
  readonly failures: Readonly<Record<string, OutputError>>;

  constructor(facts: { content: unknown; isUsable: boolean; failures: Record<string, OutputError>; cause: unknown }) {
    super("The tool ended with less than it was asked for", { cause: facts.cause });
    this.content = facts.content;
    this.isUsable = facts.isUsable;
    this.failures = facts.failures;
  }
}

/** Returns what went wrong, as against how far the tool had come. */
export function causeOf(error: unknown): unknown {
  return error instanceof PartialResult ? error.cause : error;
}
