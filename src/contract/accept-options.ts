import * as v from "valibot";
import { checkedBy } from "../core/options.ts";

const share = () =>
  checkedBy<number>(
    (value) => typeof value === "number" && value > 0 && value < 1,
    "a number between 0 and 1, such as 0.95",
  );

/** Confidence of a certificate, where nothing else is said. */
export const defaultConfidence = 0.9;

/** Options of `accept`. */
export const acceptEntries = {
  /** Share of right answers that the accepted ones are to have. */
  precision: share(),
  /** Probability, over the draw of the labels, that the certificate is true. */
  confidence: v.optional(share(), defaultConfidence),
};
