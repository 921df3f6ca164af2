import type { CompareOptions } from "../../../contract/bundle-options.ts";
import type { Slices } from "../../../core/slices.ts";
import { countVotes } from "../agreement.ts";
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
    if (this.#isMoving) {
      this.#table = yield* tabulate(this.#values, this.#rules);
      this.#fields = [];
      this.#looked = 0;
    } else yield* this.#table.adding(value);
    if (this.#pointers) this.#lookForFields(this.#pointers);
  }

  #lookForFields(pointers: readonly string[]): void {
    for (const field of this.#table.fields.slice(this.#looked)) {
      if (pointers.some((watched) => isAtOrBelow(field.pointer, watched))) this.#fields.push(field);
    }
    this.#looked = this.#table.fields.length;
  }
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
