import { InvalidOutputError } from "../../src/contract/errors.ts";
import { canonicalJson } from "../../src/core/canonical.ts";
import { readAnswer } from "../../src/schema/read-answer.ts";
import { resolveSchema } from "../../src/schema/resolve.ts";
import type { WrittenText } from "./texts.ts";

/** The ways in which reading a text can end. Only the last one is wrong. */
export const outcomes = ["the value", "a correction", "a refusal", "another value"] as const;

/** Reads a text, and compares what was read with what was meant. */
export async function outcomeOf({
  text,
  value,
  schema,
  finishReason,
}: WrittenText): Promise<{ readonly outcome: (typeof outcomes)[number]; readonly data?: unknown }> {
  const { check } = await resolveSchema(schema);
  try {
    const { data } = await readAnswer(text, { finishReason, schema: { jsonSchema: schema, check } });
    if (!(await check(data)).ok) return { outcome: "a correction" };
    return { outcome: canonicalJson(data) === canonicalJson(value) ? "the value" : "another value", data };
  } catch (error) {
    if (!InvalidOutputError.isInstance(error)) throw error;
    return { outcome: "a refusal" };
  }
}
