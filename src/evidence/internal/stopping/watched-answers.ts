import type { CompareOptions } from "../../../contract/bundle-options.ts";
import type { Slices } from "../../../core/slices.ts";
import { countVotes, isCounted } from "../agreement.ts";
import type { Field } from "../field.ts";
import { FieldComparison } from "../field-comparison.ts";
import { holdsList, tabulate } from "../list-alignment.ts";
import { isAtOrBelow, pointerSegments } from "../pointer.ts";
import { ValueTable } from "../value-table.ts";
import type { FieldState } from "./field-rule.ts";
import { keptLeadProbability } from "./lead-probability.ts";

/** The valid answers so far, and the fields of them that a rule watches. */
export class WatchedAnswers {
  readonly #rules: FieldComparison;
  readonly #values: unknown[] = [];
  readonly #pointers: readonly string[] | undefined;
  /** True if an answer has a list whose items may move with every further answer. */
  #isMoving = false;
  #table: ValueTable;
  #fields: Field[] = [];
  #looked = 0;

  /**
   * @param compare checked options
   * @param pointers the fields to watch, with all below them; default: all
   * @throws InvalidOptionsError
   */
  constructor(compare: CompareOptions = {}, pointers: readonly string[] | undefined) {
    for (const pointer of pointers ?? []) pointerSegments(pointer, "fields");
    this.#rules = FieldComparison.ofChecked(compare);
    this.#pointers = pointers;
    this.#table = new ValueTable(this.#rules);
  }

  get table(): ValueTable {
    return this.#table;
  }

  get fields(): readonly Field[] {
    return this.#pointers ? this.#fields : this.#table.fields;
  }

  /** True once an answer has log-probabilities, which may break ties. */
  hasLogprobs = false;

  *add(value: unknown): Slices<void> {
    this.#isMoving ||= this.#rules.movesListItems && (yield* holdsList(value));
    this.#values.push(value);
  }

  /** Puts the answers that were added into the table. */
  *tabulate(): Slices<void> {
    if (this.#isMoving) {
      this.#table = yield* tabulate(this.#values, this.#rules);
      this.#fields = [];
      this.#looked = 0;
    } else while (this.#table.rows < this.#values.length) yield* this.#table.adding(this.#values[this.#table.rows]);
    if (this.#pointers) this.#lookForFields(this.#pointers);
  }

  /** True where a verdict on one answer more takes as long as one on all answers. */
  get areCountedAnew(): boolean {
    return this.#isMoving || this.fields.some((field) => !isCounted(field));
  }

  #lookForFields(pointers: readonly string[]): void {
    for (const field of this.#table.fields.slice(this.#looked)) {
      if (pointers.some((watched) => isAtOrBelow(field.pointer, watched))) this.#fields.push(field);
    }
    this.#looked = this.#table.fields.length;
  }
}

/** Up to this many replicates, a rule whose answers are counted anew judges after each. */
export const mostJudgedEach = 64;

/**
 * Returns the number of replicates after which answers that are counted anew are judged again: after each at first, later
 * after a sixteenth more, so that all verdicts together take as long as some seventeen on all answers.
 */
export function nextCount(seen: number, k: number): number {
  return Math.min(k, seen < mostJudgedEach ? seen + 1 : seen + Math.ceil(seen / 16));
}

export type Progress = Pick<FieldState, "valid" | "seen" | "left">;

/**
 * Counts the votes on each field; where no answer has any of them, all agree on that.
 *
 * @param choices how many answers a field can have, by pointer or pattern
 */
export function* statesOf(
  fields: readonly Field[],
  choices: Readonly<Record<string, number>>,
  progress: Progress,
  hasLogprobs = false,
): Slices<FieldState[]> {
  const { valid } = progress;
  if (fields.length === 0) return [{ ...progress, first: valid, second: 0, distinct: Math.min(1, valid) }];
  const states: FieldState[] = [];
  const hasChoices = Object.keys(choices).length > 0;
  for (const field of fields) {
    const { first, second, distinct } = yield* countVotes(field);
    const possible = hasChoices ? (choices[field.pointer] ?? choices[field.pattern] ?? 0) : 0;
    const isTieByLikeness = field.isText || hasLogprobs;
    states.push({ ...progress, first, second, distinct: Math.max(distinct, possible), isTieByLikeness });
    yield 1;
  }
  return states;
}

/** The least probability of a field to keep its leader over the replicates that are left; 0 before any has voted. */
export function stabilityOf(states: readonly FieldState[]): number {
  return states.reduce(
    (least, { first, second, valid, left }) =>
      Math.min(least, valid === 0 ? 0 : keptLeadProbability(first, second, left)),
    1,
  );
}
