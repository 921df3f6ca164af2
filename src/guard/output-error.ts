import { causeOf } from "../contract/incomplete.ts";
import type { OutputError } from "../contract/output.ts";
import { kindOf, messageOf } from "../core/errors.ts";
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
  const cause = causeOf(error);
  const facts = {
    type: kindOf(cause),
    message: note ? `${messageOf(cause)} (${note})` : messageOf(cause),
    code: classification.code,
    isRetryable: classification.isRetryable,
    attempts,
    category: classification.category,
  };
  return keepOriginal(facts, cause);
}
