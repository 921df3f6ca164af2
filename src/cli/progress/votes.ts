import type { BundleSummary } from "../../contract/bundle.ts";
import { cut, showOnLine } from "./format.ts";

/** How the answers voted, on one line: every value of an answer that is one value, the least settled fields of others. */
export function showVotes({ fields, validCount }: BundleSummary, length: number): string {
  const entries = Object.entries(fields);
  const [only] = entries;
  const parts =
    only && entries.length === 1
      ? only[1].distribution.map(({ value, support }) => `${cut(showOnLine(value), 24)} ${support}`)
      : entries
          .toSorted(([, a], [, b]) => a.support - b.support)
          .map(
            ([path, { value, support }]) =>
              `${showOnLine(path.slice(1))} ${cut(showOnLine(value), 16)} ${support}/${validCount}`,
          );
  return cut(parts.join(", "), length);
}
