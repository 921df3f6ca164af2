import * as v from "valibot";
import { checkedBy, declareOptions, wholeNumber } from "../core/options.ts";

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

export const acceptOptions = declareOptions("AcceptParams", "accept", {
  ...acceptEntries,
  /** Judges an answer of a uniform draw: right, wrong, `null` for one that cannot be judged, `undefined` for the end. */
  label: v.optional(checkedBy<unknown>((value) => typeof value === "function", "a function that judges an answer")),
  /** Most labels that are asked for. */
  labels: v.optional(wholeNumber({ minimum: 1, unit: "labels" }), 100),
});
