import * as v from "valibot";

/**
 * What views read of a bundle. It is only held against a value, whose own fields are then used: objects whose keys come
 * from models are checked by their values, since any key may stand in them.
 */
const number = v.number("a number");
const text = v.string("a text");
const flag = v.boolean("true or false");
const texts = v.array(text, "a list of texts");
const share = v.custom<number>((value) => typeof value === "number" && value >= 0 && value <= 1, "a share from 0 to 1");
const support = v.custom<number>((value) => typeof value === "number" && value >= 0, "a number of votes");
const dollars = v.nullish(v.number("a number of dollars, or null"));
const vote = v.object({ support }, "a value with its votes");
const usage = v.object({ totalTokens: number }, "token counts");

const replicate = v.object(
  {
    id: text,
    valid: flag,
    seed: number,
    model: text,
    elapsedMs: number,
    attempts: number,
    usage: v.optional(usage),
    costUsd: dollars,
    quality: v.object({ errors: v.optional(texts), warnings: v.optional(texts) }, "an object"),
  },
  "a replicate",
);

const field = v.object(
  { tied: flag, support, confidence: share, stability: share, distribution: v.array(vote, "a list of votes") },
  "a field's summary",
);

const disagreement = v.object(
  {
    path: text,
    tied: flag,
    values: v.array(v.object({ support, replicateIds: texts }, "a value with its replicates"), "a list of values"),
  },
  "a disagreement",
);

const shape = v.object(
  {
    meta: v.object(
      {
        task: text,
        k: number,
        model: text,
        seeds: v.array(number, "a list of seeds"),
        earlyStopReason: v.optional(text),
        totalElapsedMs: number,
        schemaUri: v.optional(text),
        schemaFingerprint: v.optional(text),
        source: v.picklist(["live", "recorded", "simulated"], '"live", "recorded" or "simulated"'),
        escalations: v.optional(
          v.array(v.object({ from: text, replicateIds: texts, confidence: share }, "an escalation"), "a list"),
        ),
      },
      "an object",
    ),
    replicates: v.array(replicate, "a list of replicates"),
    summary: v.object(
      {
        medoidId: v.optional(text),
        disagreements: v.array(disagreement, "a list of disagreements"),
        pairwiseDistance: v.array(v.array(v.nullable(share), "a row of distances"), "a matrix of distances"),
        confidence: share,
        calibratedConfidence: v.optional(share),
        weakest: share,
        stability: share,
        fields: v.pipe(
          v.custom<object>((value) => typeof value === "object" && value !== null, "an object of fields"),
          v.transform(Object.values),
          v.array(field),
        ),
        validCount: number,
        invalidCount: number,
      },
      "an object",
    ),
    costTotalUsd: dollars,
  },
  "an object",
);

/** What a value lacks to be a bundle, and where, as a phrase; `undefined` of a bundle. */
export function bundleFault(value: unknown): string | undefined {
  const { success, issues } = v.safeParse(shape, value, { abortEarly: true });
  if (success) return undefined;
  const [issue] = issues;
  return `${v.getDotPath(issue) ?? "it"} has to be ${issue.message}`;
}
