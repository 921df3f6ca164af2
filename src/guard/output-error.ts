import type { OutputError } from "../contract/output.ts";
import { messageOf } from "../core/errors.ts";
import { keepOriginal } from "../core/original-error.ts";
import { type Classification, classify } from "./classify.ts";

/**
 * A failure as plain data.
 *
 * @param attempts how often it was tried
 * @param note why it was not tried again, where that is not plain from the error
 */
export function toOutputError(
  error: unknown,
  attempts: number,
  note?: string,
  classification: Classification = classify(error),
): OutputError {
  const facts = {
    type: error instanceof Error ? error.name : typeof error,
    message: note ? `${messageOf(error)} (${note})` : messageOf(error),
    code: classification.code,
    isRetryable: classification.isRetryable,
    attempts,
    category: classification.category,
  };
  return keepOriginal(facts, error);
}
