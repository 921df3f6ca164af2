import type { BundleSummary, Disagreement } from "../../contract/bundle.ts";
import { jsonOf } from "../../contract/bundle-json.ts";
import type { CompareOptions } from "../../contract/bundle-options.ts";
import { atOnce, type Slices } from "../../core/slices.ts";
import { pairwiseDistance } from "../distance.ts";
import {
  givenConsensus,
  logprobsOf,
  medoidConsensus,
  mostMeasured,
  type SummarizedReplicate,
  type SummaryOptions,
  splitOptions,
} from "../summary.ts";
import type { Agreement } from "./agreement.ts";
import type { Field } from "./field.ts";
import { FieldComparison } from "./field-comparison.ts";
import { findingDisagreements, judging, meaningTokens } from "./field-summary.ts";
import { tabulate } from "./list-alignment.ts";
import { pickFields, replaceFields } from "./pick-fields.ts";
import { isAtOrBelow } from "./pointer.ts";
import { medoidRow } from "./row-distance.ts";
import { settleOn, settling } from "./settlement.ts";
import type { ValueTable } from "./value-table.ts";
import { groupWhole } from "./whole-groups.ts";

/** A replicate that was asked for the whole answer, or for parts of it only. */
export interface PartialReplicate<T> extends SummarizedReplicate<T> {
  /** JSON pointers of the parts that it was asked for. Default: the whole answer. */
  readonly fields?: readonly string[] | undefined;
}

/** Replicates that were asked for the same, and what they say of it. */
interface Ballot {
  readonly voters: readonly PartialReplicate<unknown>[];
  readonly table: ValueTable;
  readonly consensus: unknown;
  readonly agreements: ReadonlyMap<Field, Agreement>;
}

/**
 * `summarize` of replicates of which some were asked for parts of the answer only: of a part vote those that were asked
 * for it. What was never asked for by itself is voted on by the whole answers, and so is everything where all are whole.
 *
 * @param replicates in index order, at least one of the valid ones whole: without it there is no consensus
 * @throws InvalidOptionsError where the options cannot be used, or an answer contains itself
 *
 * @example
 * ```ts
 * summarizeParts([
 *   { id: "r1", data: { severity: "low", component: "db" } },
 *   { id: "r2", data: { severity: "high", component: "db" } },
 *   { id: "r3", data: { severity: "high" }, fields: ["/severity"] },
 * ]).consensus; // { severity: "high", component: "db" }
 * ```
 */
export function summarizeParts<T>(
  replicates: readonly PartialReplicate<T>[],
  options: SummaryOptions = {},
): BundleSummary<T> {
  return atOnce(summarizingParts(replicates, options));
}

/**
 * `summarizeParts`, in slices.
 *
 * @param givenId replicate to give, where `check` refuses the fields put together. Default: the one nearest to all others
 */
export function* summarizingParts<T>(
  replicates: readonly PartialReplicate<T>[],
  options: SummaryOptions = {},
  givenId?: string | undefined,
): Slices<BundleSummary<T>> {
  const { check, compare, facts } = splitOptions(options, replicates.length);
  const valid = replicates.filter(({ quality }) => quality?.valid ?? true);
  const rules = FieldComparison.of(compare);
  const voted = yield* ballotOfWhole(valid, rules);
  const votedInParts = new Map<string, Ballot>();
  for (const part of partsAskedFor(valid)) votedInParts.set(part, yield* ballotOf(part, valid, rules));
  const isEmpty = voted.voters.length === 0;
  const consensus = isEmpty ? null : consensusOf(voted, votedInParts);
  const fits = isEmpty || (check?.(consensus) ?? true);
  const named = voted.voters.findIndex(({ id }) => id === givenId);
  const medoid = fits ? undefined : named >= 0 ? named : yield* medoidRow(voted.table);
  const [whole, parts] = medoid === undefined ? [voted, votedInParts] : yield* ballotsOn(medoid, voted, votedInParts);
  const given = medoid === undefined ? undefined : (whole.voters[medoid] as PartialReplicate<T>);
  const tokens = whole.voters.map(({ usage }) => usage?.totalTokens);
  const meanTotalTokens = yield* meaningTokens(whole.agreements, tokens);
  let matrix: (number | null)[][] | undefined;
  const disagreements = yield* mergeDisagreements(whole, parts);
  const merged = yield* mergeAgreements(whole, parts);
  const groups = parts.size > 0 ? undefined : yield* groupWhole(whole.agreements, whole.table.rows);
  const judgement = yield* judging(merged, facts, groups);
  return {
    ...(given ? medoidConsensus(given) : givenConsensus<T>(consensus)),
    ...judgement,
    ...(groups && { groups }),
    disagreements,
    validCount: valid.length,
    invalidCount: replicates.length - valid.length,
    ...(meanTotalTokens !== undefined && { meanTotalTokens }),
    get pairwiseDistance() {
      if (replicates.length > mostMeasured) return null;
      matrix ??= distancesOfParts(replicates, compare);
      return matrix;
    },
  };
}

function partsAskedFor(replicates: readonly PartialReplicate<unknown>[]): string[] {
  return [...new Set(replicates.flatMap(({ fields = [] }) => fields))];
}

function* ballotOfWhole(valid: readonly PartialReplicate<unknown>[], rules: FieldComparison): Slices<Ballot> {
  const voters = valid.filter(({ fields }) => fields === undefined);
  const table = yield* tabulate(voters.map(jsonOf), rules, voters.map(logprobsOf));
  return { voters, table, ...(yield* settling(table)) };
}

/** The whole answers come first, so that a row of theirs is the same row in every table. */
function* ballotOf(part: string, valid: readonly PartialReplicate<unknown>[], rules: FieldComparison): Slices<Ballot> {
  const whole = valid.filter(({ fields }) => fields === undefined);
  const voters = [...whole, ...valid.filter(({ fields }) => fields?.includes(part))];
  const answers = voters.map((voter) => pickFields(jsonOf(voter), [part]));
  const table = yield* tabulate(answers, rules, voters.map(logprobsOf));
  const { consensus, agreements } = yield* settling(table);
  return { voters, table, consensus, agreements: agreementsIn(part, agreements) };
}

function agreementsIn(part: string, agreements: Ballot["agreements"]): Ballot["agreements"] {
  return new Map([...agreements].filter(([{ pointer }]) => isAtOrBelow(pointer, part)));
}

/** Returns what the whole answers agree on, with the parts in it that more were asked for. */
function consensusOf(whole: Ballot, parts: ReadonlyMap<string, Ballot>): unknown {
  return [...parts].reduce((merged, [part, own]) => replaceFields(merged, own.consensus, [part]), whole.consensus);
}

/** Returns ballots in which a row of the whole answers is given. */
function* ballotsOn(
  row: number,
  whole: Ballot,
  parts: ReadonlyMap<string, Ballot>,
): Slices<[Ballot, Map<string, Ballot>]> {
  const inParts = new Map<string, Ballot>();
  for (const [part, ballot] of parts)
    inParts.set(part, { ...ballot, agreements: agreementsIn(part, yield* settleOn(ballot.table, row)) });
  return [{ ...whole, agreements: yield* settleOn(whole.table, row) }, inParts];
}

/** The fields in the order in which the whole answers have them, those of a part at its place. */
function* mergeAgreements(whole: Ballot, parts: ReadonlyMap<string, Ballot>): Slices<ReadonlyMap<Field, Agreement>> {
  if (parts.size === 0) return whole.agreements;
  const merged = new Map<Field, Agreement>();
  for (const entry of whole.agreements) {
    const ballot = ballotFor(entry[0].pointer, parts);
    for (const counted of ballot?.agreements ?? [entry]) merged.set(...counted);
    yield 1 + parts.size / 16 + (ballot?.agreements.size ?? 0);
  }
  for (const { agreements } of parts.values()) {
    for (const entry of agreements) merged.set(...entry);
    yield agreements.size;
  }
  return merged;
}

function ballotFor(pointer: string, parts: ReadonlyMap<string, Ballot>): Ballot | undefined {
  for (const [part, ballot] of parts) if (isAtOrBelow(pointer, part)) return ballot;
  return undefined;
}

/** Most contested first: as fields may have different numbers of votes, their shares count. */
function* mergeDisagreements(whole: Ballot, parts: ReadonlyMap<string, Ballot>): Slices<Disagreement[]> {
  const ofWhole = yield* findingDisagreements(whole.agreements, whole.voters);
  if (parts.size === 0) return ofWhole;
  const all = ofWhole.filter(({ path }) => !ballotFor(path, parts));
  for (const { agreements, voters } of parts.values())
    for (const disagreement of yield* findingDisagreements(agreements, voters)) all.push(disagreement);
  const ranked = all.map((disagreement) => ({ disagreement, ...sharesOf(disagreement) }));
  yield ranked.length * 2;
  return ranked.sort((a, b) => a.winner - b.winner || a.lead - b.lead).map(({ disagreement }) => disagreement);
}

function sharesOf({ values }: Disagreement): { winner: number; lead: number } {
  const [first = 0, second = 0] = values.map(({ support }) => support);
  const votes = values.reduce((sum, { support }) => sum + support, 0);
  return { winner: first / votes, lead: (first - second) / votes };
}

/** Valid replicates that were asked for the same, by their place among all. */
interface Group {
  readonly fields: readonly string[] | undefined;
  readonly places: number[];
}

/**
 * The distance of every two replicates, of what both were asked for; `null` where that is nothing, or one of them is
 * invalid.
 */
function distancesOfParts(
  replicates: readonly PartialReplicate<unknown>[],
  compare: CompareOptions,
): (number | null)[][] {
  const matrix = replicates.map(() => replicates.map((): number | null => null));
  const groups = groupsOf(replicates);
  groups.forEach((one, index) => {
    for (const other of groups.slice(0, index + 1)) fill(matrix, one, other, replicates, compare);
  });
  return matrix;
}

function groupsOf(replicates: readonly PartialReplicate<unknown>[]): Group[] {
  const groups = new Map<string, Group>();
  replicates.forEach(({ fields, quality }, place) => {
    if (quality?.valid === false) return;
    const key = JSON.stringify(fields?.toSorted() ?? null);
    const group = groups.get(key) ?? { fields, places: [] };
    groups.set(key, group);
    group.places.push(place);
  });
  return [...groups.values()];
}

function fill(
  matrix: (number | null)[][],
  one: Group,
  other: Group,
  replicates: readonly PartialReplicate<unknown>[],
  compare: CompareOptions,
): void {
  const shared = sharedFields(one.fields, other.fields);
  if (shared?.length === 0) return;
  const places = one === other ? one.places : [...one.places, ...other.places];
  const answers = places.map((place) => jsonOf(replicates[place] as PartialReplicate<unknown>));
  const distances = pairwiseDistance(shared ? answers.map((data) => pickFields(data, shared)) : answers, compare);
  places.forEach((row, own) => {
    places.forEach((column, its) => {
      const isOfBoth = one === other || one.places.includes(row) !== one.places.includes(column);
      if (isOfBoth) (matrix[row] as (number | null)[])[column] = distances[own]?.[its] ?? null;
    });
  });
}

function sharedFields(
  one: readonly string[] | undefined,
  other: readonly string[] | undefined,
): readonly string[] | undefined {
  if (one && other) return one.filter((field) => other.includes(field));
  return one ?? other;
}
