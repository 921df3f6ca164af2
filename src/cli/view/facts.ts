import { calibrationKeyOf } from "../../calibration/calibration-key.ts";
import type { BundleSummary, Disagreement, EvidenceBundle, FieldSummary, Replicate } from "../../contract/bundle.ts";
import { counted, hasConfidence, showCount, showDuration, showOnLine } from "../progress/format.ts";

/** A summary without the distances, which no count needs. */
export type CountedSummary = Omit<BundleSummary, "pairwiseDistance">;

/** A field in which an answer differs from the consensus. */
export interface Deviation {
  readonly path: string;
  readonly vote: Vote;
}

/** Fields in which each answer differs; `undefined` for answers without fields: a text, a number. */
export function deviations({
  fields,
  disagreements,
}: CountedSummary): (replicate: Replicate) => readonly Deviation[] | undefined {
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

/** One value of a field, and who gave it. */
export interface Vote {
  /** Missing where the field is absent from these answers. */
  readonly value?: unknown;
  readonly support: number;
  /** Missing where all agree. */
  readonly replicateIds?: readonly string[];
  /** Answers by model, where several models answered. */
  readonly models?: Readonly<Record<string, number>> | undefined;
}

/** Names who gave a value: the models, where there are several, else the answers. */
export function votersOf({ models, replicateIds = [] }: Vote, mostIds: number): string {
  if (models) return modelVotes(models);
  const others = replicateIds.length > mostIds ? ` … and ${replicateIds.length - mostIds} more` : "";
  return replicateIds.slice(0, mostIds).join(" ") + others;
}

export function modelVotes(models: Readonly<Record<string, number>>): string {
  return Object.entries(models)
    .map(([model, count]) => `${showOnLine(model)} ${count}`)
    .join(", ");
}

/** Votes of the replicates on one field. */
export interface FieldVotes {
  /** JSON pointer; `""` is the whole answer. */
  readonly path: string;
  readonly tied: boolean;
  /** Votes by falling support; never empty. */
  readonly votes: readonly Vote[];
  /** Missing for a field that shares its pointer with another, of which the summary keeps one. */
  readonly confidence?: number;
  readonly stability?: number;
}

/** All fields, the most contested first. */
export function fieldVotes(summary: CountedSummary): FieldVotes[] {
  const { fields, disagreements } = summary;
  const numbersOf = ({ confidence, stability }: FieldSummary) =>
    hasConfidence(summary) ? { confidence, stability } : { stability };
  const contested = disagreements.map(({ path, tied, values }) => ({
    path,
    tied,
    votes: values.map((vote, at) => ({ ...vote, models: fields[path]?.distribution[at]?.models })),
    ...(Object.hasOwn(fields, path) && numbersOf(fields[path] as FieldSummary)),
  }));
  const contestedPaths = new Set(disagreements.map(({ path }) => path));
  const unanimous = Object.entries(fields)
    .filter(([path]) => !contestedPaths.has(path))
    .map(([path, field]) => ({ path, tied: field.tied, votes: field.distribution, ...numbersOf(field) }));
  return [...contested, ...unanimous];
}

/** True for a call that brought no answer at all: it is no answer that is not valid. */
export function isFailedCall({ valid, data, json }: Replicate): boolean {
  return !valid && (json ?? data ?? null) === null;
}

/** Number of calls that brought no answer, in words. */
export function showFailedCalls(count: number): string {
  return `${counted(count, "call")} failed`;
}

/** The models that gave valid answers; without a valid answer, those that were asked. */
export function modelsOf(bundle: Pick<EvidenceBundle, "meta" | "replicates">): string {
  return calibrationKeyOf(bundle).model || bundle.meta.model;
}

/** Returns, for each replicate, the place of the value that it gave among the values of a field. */
export function rankByReplicate({ values }: Disagreement): ReadonlyMap<string, number> {
  return new Map(values.flatMap(({ replicateIds }, rank) => replicateIds.map((id) => [id, rank] as const)));
}

/** A time that may be short. */
export function showElapsed(ms: number): string {
  return ms < 1000 ? `${showCount(Math.round(ms))} ms` : showDuration(ms);
}

/** The replicates that the summary is of: where a stronger model was asked, only its own. */
export function votingReplicates({
  meta,
  replicates,
}: Pick<EvidenceBundle, "meta" | "replicates">): readonly Replicate[] {
  const replaced = new Set(meta.escalations?.flatMap(({ replicateIds }) => replicateIds));
  return replaced.size === 0 ? replicates : replicates.filter(({ id }) => !replaced.has(id));
}
