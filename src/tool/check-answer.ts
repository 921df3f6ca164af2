import { InvalidOutputError } from "../contract/invalid-output-error.ts";
import { messageOf } from "../core/errors.ts";
import { toJsonData, toReadableData } from "../schema/json-data.ts";
import type { CheckResult, ResolvedSchema } from "../schema/resolve.ts";
import type { FieldResampling } from "./field-resampling.ts";

/** What answers have to fit. */
export interface AnswerRules {
  readonly schema: ResolvedSchema | undefined;
  readonly resampling: FieldResampling | undefined;
}

/**
 * An answer as the schema wants it, or what is wrong with it.
 *
 * @param fields JSON pointers of what was asked for; default: the whole answer
 */
export async function checkAnswer(
  { schema, resampling }: AnswerRules,
  data: unknown,
  fields: readonly string[] | undefined,
): Promise<CheckResult> {
  if (resampling && fields) return resampling.check(data, fields);
  return schema ? schema.check(data) : { ok: true, value: data };
}

/**
 * An answer as it goes into the bundle, which is JSON whatever a tool or the transformation of a schema has made of it.
 *
 * @throws InvalidOutputError with what is wrong with it
 */
export async function acceptAnswer(
  rules: AnswerRules,
  data: unknown,
  fields: readonly string[] | undefined,
): Promise<unknown> {
  const checked = await checkAnswer(rules, data, fields);
  if (!checked.ok) throw new InvalidOutputError(checked.errors, { data: toReadableData(data) });
  try {
    return toJsonData(checked.value);
  } catch (cause) {
    throw new InvalidOutputError([messageOf(cause)], { data: toReadableData(data), cause });
  }
}
