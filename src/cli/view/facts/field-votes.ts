import type { BundleSummary, FieldSummary } from "../../../contract/bundle.ts";

/** One value of a field, and who gave it. */
export interface Vote {
  /** Missing where the field is absent from these answers. */
  readonly value?: unknown;
  readonly support: number;
  /** Missing where all agree. */
  readonly replicateIds?: readonly string[];
}

/** How the replicates voted on one field. */
export interface FieldVotes {
  /** JSON pointer; `""` is the whole answer. */
  readonly path: string;
  readonly tied: boolean;
  /** By falling support; never empty. */
  readonly votes: readonly Vote[];
  /** Missing for a field that shares its pointer with another, of which the summary keeps one. */
  readonly confidence?: number;
  readonly stability?: number;
}

/** All fields, the most contested first. */
export function fieldVotes({ fields, disagreements }: BundleSummary): FieldVotes[] {
  const contested = disagreements.map(({ path, tied, values }) => ({
    path,
    tied,
    votes: values,
    ...(Object.hasOwn(fields, path) && numbersOf(fields[path] as FieldSummary)),
  }));
  const contestedPaths = new Set(disagreements.map(({ path }) => path));
  const unanimous = Object.entries(fields)
    .filter(([path]) => !contestedPaths.has(path))
    .map(([path, field]) => ({ path, tied: field.tied, votes: field.distribution, ...numbersOf(field) }));
  return [...contested, ...unanimous];
}

function numbersOf({ confidence, stability }: FieldSummary) {
  return { confidence, stability };
}
