import type { EvidenceBundle } from "../../contract/bundle.ts";
import type { OutputError } from "../../contract/output.ts";
import type { OutputLine } from "../output/output-line.ts";
import { hasConfidence } from "../progress/format.ts";
import { excerptOf, showInput } from "../report/excerpt.ts";
import { withoutPlaces } from "../report/field-tally.ts";
import { showVotesOf } from "../report/terminal.ts";
import { confidenceTrace } from "./confidence.ts";
import { distanceMap } from "./distance-map.ts";
import { fixedKCost, type Spending } from "./expense.ts";
import { fieldVotes, isFailedCall, votingReplicates } from "./facts.ts";
import type { RunDetail, RunRow } from "./viewer-data.ts";

const mostVotes = 3;
const mostContested = 20;

/** Returns the row of a line of an output file. */
export function rowOf(line: OutputLine, bundle: EvidenceBundle | undefined, place: number): RunRow {
  const error = errorOf(line);
  const { input, costUsd, status, accepted } = line;
  return {
    id: String(place),
    status,
    input: showInput(input),
    costUsd,
    elapsedMs: line.status === "rejected" ? null : line.output.elapsedMs,
    ...(accepted !== undefined && { accepted }),
    ...rowFacts(bundle),
    tool: bundle?.meta.task ?? toolOf(line),
    ...(error && { said: excerptOf(error.message), category: error.category ?? "unknown" }),
  };
}

/** Returns what a bundle adds to its row. */
export function rowFacts(bundle: EvidenceBundle | undefined): Pick<RunRow, "said" | "answers" | "k"> & Partial<RunRow> {
  if (!bundle) return { said: "", answers: 0, k: 0 };
  const { summary, meta } = bundle;
  const voting = votingReplicates(bundle);
  const failedCalls = voting.filter(isFailedCall).length;
  const contested = fieldVotes(summary).filter(({ votes }) => votes.length > 1);
  const paths = new Set(contested.slice(0, mostContested).map(({ path }) => withoutPlaces(path)));
  return {
    said: summary.validCount === 0 ? "no answer is valid" : showFields(summary.consensusJson ?? summary.consensus),
    answers: voting.length - failedCalls,
    ...(failedCalls > 0 && { failedCalls }),
    k: meta.k,
    ...(contested.length > 0 && {
      votes: contested.slice(0, mostVotes).map(showVotesOf).join(" · "),
      contested: [...paths],
    }),
    ...(hasConfidence(summary) && { confidence: summary.calibratedConfidence ?? summary.confidence }),
  };
}

/** An answer on a line: of an object each field with its value. */
function showFields(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return excerptOf(value);
  const fields = Object.entries(value).map(([name, field]) => `${name} ${excerptOf(field)}`);
  return fields.length === 0 ? excerptOf(value) : excerptOf(fields.join(" · "));
}

function toolOf(line: OutputLine): string {
  const name = "output" in line ? line.output.metadata?.["toolName"] : undefined;
  return typeof name === "string" ? name : "";
}

function errorOf(line: OutputLine): { readonly message: string; readonly category?: string | undefined } | undefined {
  if (line.status === "rejected") return { message: line.error.message, category: "budget" };
  if (line.status !== "failed") return undefined;
  return (Object.values(line.output.errors ?? {}) as readonly OutputError[]).at(-1) ?? { message: "" };
}

/** Texts that are longer are in the file that the page shows. */
const longestText = 4_000;
/** More points, and more rows of the map, cannot be told apart. */
const mostPoints = 60;
const mostEntries = 40;
const mostReplicates = 200;

/** Returns all that a page holds of one run. */
export function detailOf(
  bundle: EvidenceBundle | undefined,
  input: unknown,
  { line, spending }: { readonly line?: OutputLine; readonly spending?: Spending | undefined } = {},
): RunDetail {
  const error = line && errorOf(line);
  const shortener = new Shortener();
  return {
    ...(input !== undefined && { input: shortener.shorten(input) }),
    ...(bundle && bundleDetail(bundle, shortener)),
    ...(error && { error: { type: line?.status ?? "failed", ...error } }),
    spending,
    ...(shortener.hasCut && { isShortened: true }),
  };
}

function bundleDetail(bundle: EvidenceBundle, shortener: Shortener): Omit<RunDetail, "input" | "error"> {
  const { pairwiseDistance: _, ...summary } = bundle.summary;
  const { points, isExact } = confidenceTrace(bundle, mostPoints);
  const shown = points.map(({ count, replicate: { id, valid }, confidence, stability }) => ({
    count,
    id,
    valid,
    confidence,
    stability,
  }));
  return {
    bundle: shortener.shorten({ ...bundle, replicates: bundle.replicates.slice(0, mostReplicates), summary }),
    counts: {
      answers: bundle.replicates.length,
      failedCalls: votingReplicates(bundle).filter(isFailedCall).length,
      fields: Object.keys(summary.fields).length,
    },
    cost: fixedKCost(bundle),
    trace: { points: shown, isExact },
    map: bundle.summary.validCount > 1 ? distanceMap(bundle, mostEntries) : null,
  };
}

const mostEntriesOfList = 400;

/** Cuts long texts and lists of a value, and remembers that it did. */
class Shortener {
  hasCut = false;

  shorten<T>(value: T): T {
    return this.#shorten(value) as T;
  }

  #shorten(value: unknown): unknown {
    if (typeof value === "string") {
      if (value.length <= longestText) return value;
      this.hasCut = true;
      return `${value.slice(0, longestText).toWellFormed()}…`;
    }
    if (Array.isArray(value)) return this.#first(value).map((entry) => this.#shorten(entry));
    if (typeof value !== "object" || value === null) return value;
    const entries = this.#first(Object.entries(value));
    return Object.fromEntries(entries.map(([name, entry]) => [this.shorten(name), this.#shorten(entry)]));
  }

  #first<T>(entries: readonly T[]): readonly T[] {
    if (entries.length <= mostEntriesOfList) return entries;
    this.hasCut = true;
    return entries.slice(0, mostEntriesOfList);
  }
}
