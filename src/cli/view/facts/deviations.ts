import type { BundleSummary, Replicate } from "../../../contract/bundle.ts";
import type { Vote } from "./field-votes.ts";

/** A field in which an answer differs from the consensus. */
export interface Deviation {
  readonly path: string;
  readonly vote: Vote;
}

/** Where each answer differs; `undefined` for answers that have no fields to differ in: a text, a number. */
export function deviations({
  fields,
  disagreements,
}: BundleSummary): (replicate: Replicate) => readonly Deviation[] | undefined {
  if (Object.hasOwn(fields, "")) return () => undefined;
  const byReplicate = new Map<string, Deviation[]>();
  for (const { path, values } of disagreements) {
    for (const vote of values.slice(1)) {
      for (const id of vote.replicateIds) {
        const known = byReplicate.get(id);
        if (known) known.push({ path, vote });
        else byReplicate.set(id, [{ path, vote }]);
      }
    }
  }
  return ({ id }) => byReplicate.get(id) ?? [];
}
