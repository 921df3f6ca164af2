import type { FieldRule } from "./field-rule.ts";

/**
 * Stops when the replicates that are left cannot overturn the leader: two or more seen, and `first - second >= left`.
 * A tie at the end goes to the answer that reached the count first, which is the leader.
 */
export const lossless: FieldRule = {
  margin: ({ first, second, seen, left }) => (seen < 2 ? Number.NEGATIVE_INFINITY : first - second - left),
  explain: ({ first, second, left }) => `a lead of ${first} to ${second} cannot be overturned by the ${left} left`,
};
