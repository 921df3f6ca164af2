import diff from "microdiff";
import { type SummarizedReplicate, summarize } from "../../src/evidence/summary.ts";

type Replicates = readonly SummarizedReplicate<object>[];
type Contender = (replicates: Replicates) => unknown;

/** What one writes first: leaves by path, votes by their JSON. */
function naiveSummary(replicates: Replicates): unknown {
  const fields: Record<string, Record<string, number>> = {};
  for (const { data } of replicates) {
    for (const [path, leaf] of Object.entries(leavesOf(data))) {
      fields[path] ??= {};
      fields[path][leaf] = (fields[path][leaf] ?? 0) + 1;
    }
  }
  return Object.entries(fields).map(([path, votes]) => [path, Object.entries(votes).sort((a, b) => b[1] - a[1])]);
}

/** The same, and of every two the share of leaves that differ. */
function naiveMatrix(replicates: Replicates): unknown {
  const all = replicates.map(({ data }) => leavesOf(data));
  const matrix = all.map((one) => all.map((other) => naiveDistance(one, other)));
  return [naiveSummary(replicates), matrix];
}

function leavesOf(value: unknown, path = "", leaves: Record<string, string> = {}): Record<string, string> {
  if (typeof value !== "object" || value === null) leaves[path] = JSON.stringify(value);
  else for (const [key, inner] of Object.entries(value)) leavesOf(inner, `${path}/${key}`, leaves);
  return leaves;
}

function naiveDistance(one: Record<string, string>, other: Record<string, string>): number {
  const paths = new Set([...Object.keys(one), ...Object.keys(other)]);
  let differing = 0;
  for (const path of paths) if (one[path] !== other[path]) differing++;
  return differing / paths.size;
}

export const ours: Contender = (replicates) => summarize(replicates);

export const oursWithMatrix: Contender = (replicates) => summarize(replicates).pairwiseDistance;

export const naive: Contender = naiveSummary;

export const naiveWithMatrix: Contender = naiveMatrix;

/** Differences of every two, once: no votes, no summary. */
export const microdiffMatrix: Contender = (replicates) =>
  replicates.map(({ data }, row) => replicates.slice(row + 1).map((other) => diff(data, other.data).length));
