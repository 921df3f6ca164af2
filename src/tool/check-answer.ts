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
