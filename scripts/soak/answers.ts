import type { Random } from "../../src/core/random.ts";
import type { JSONSchema } from "../../src/index.ts";
import { inPercent, pick } from "./chance.ts";

/** What answers must fit. */
export const answerSchema: JSONSchema = {
  type: "object",
  properties: { severity: { enum: ["low", "medium", "high"] }, reason: { type: "string" } },
  required: ["severity", "reason"],
  additionalProperties: false,
};

const severities = ["low", "low", "low", "medium", "high"];
const unfitPercent = 4;

/** What a model says; now and then nothing that fits. */
export function answerText(random: Random): string {
  if (inPercent(unfitPercent, random)) return '{"severity": "unheard of"}';
  return JSON.stringify({ severity: pick(severities, random), reason: `because of ${random.next()}` });
}
