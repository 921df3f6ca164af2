import * as v from "valibot";
import { InvalidOptionsError } from "../../core/errors.ts";
import type { Labels } from "./labelled-votes.ts";
import { type GroupSizes, sizesOf } from "./vote-model.ts";

/** Votes on one field as JSON keeps them: how many bundles have each vector of sizes, and what labels say of it. */
export interface FieldVotesData {
  /** Number of possible answers, where it is known. */
  readonly options?: number;
  /** Number of bundles by sizes, the consensus first: `"4,1"`; `1x3` stands for three groups of one. */
  readonly bundles: Readonly<Record<string, number>>;
  /** Labels by sizes: how many were right, and how many wrong. */
  readonly labels?: Readonly<Record<string, Labels>>;
  /** Labels of single answers by the mean log-probability of their tokens; `labels` counts them too. */
  readonly logprobs?: Readonly<Record<string, Labels>>;
}

/** A job calibration as JSON keeps it, by JSON pointer (`*`: any list index; `""`: the whole answer). */
export interface JobCalibrationData {
  readonly version: 1;
  readonly fields: Readonly<Record<string, FieldVotesData>>;
}

/**
 * Checks what a file or a program gives as a job calibration.
 *
 * @throws InvalidOptionsError naming every fault
 */
export function checkedData(data: JobCalibrationData): JobCalibrationData {
  const result = v.safeParse(jobCalibrationData, data);
  if (result.success) return result.output as JobCalibrationData;
  const issues = result.issues.map((issue) => {
    const path = v.getDotPath(issue);
    return { path: path ? `calibration.${path}` : "calibration", given: issue.input, allowed: issue.message };
  });
  throw new InvalidOptionsError(issues);
}

const counted = v.pipe(v.number(), v.integer(), v.minValue(0));
const vector = v.pipe(v.string(), v.regex(/^[1-9]\d{0,5}(,[1-9]\d{0,5}(x[1-9]\d{0,4})?)*$/, 'sizes such as "4,1"'));
const logprob = v.pipe(v.string(), v.regex(/^-\d+(\.\d+)?(e-\d)?$/, 'a log-probability such as "-0.35"'));
const jobCalibrationData = v.object({
  version: v.literal(1, "1: another version needs another release of this package"),
  fields: v.record(
    v.string(),
    v.object({
      options: v.optional(v.pipe(counted, v.minValue(1))),
      bundles: v.record(vector, v.pipe(counted, v.minValue(1))),
      labels: v.optional(v.record(vector, v.tuple([counted, counted]))),
      logprobs: v.optional(v.record(logprob, v.tuple([counted, counted]))),
    }),
  ),
});

/** Returns counts by the keys of JSON, in which equal sizes stand once: `"8,1x32"`. */
export function byShortKey<V>(counts: readonly (readonly [string, V])[]): Record<string, V> {
  return Object.fromEntries(counts.map(([key, value]) => [shortKey(key), value]));
}

function shortKey(key: string): string {
  const [consensus, ...others] = sizesOf(key);
  const groups = [...Map.groupBy(others, (size) => size)];
  return [consensus, ...groups.map(([size, { length }]) => (length === 1 ? size : `${size}x${length}`))].join();
}

/** Returns the sizes that such a key stands for. */
export function sizesOfShortKey(key: string): GroupSizes {
  return key.split(",").flatMap((part) => {
    const [size, times = 1] = part.split("x").map(Number) as [number, number?];
    return new Array<number>(times).fill(size);
  });
}
