/**
 * Job: turn answers into fields (one a JSON pointer) of small integers, so that comparing means comparing integers.
 * Boundary: takes lists by position, and moved lists by place; list-alignment.ts moves items beforehand.
 * Invariants:
 * 1. Every field has a code for every row.
 * 2. A pointer is a field once any row has a leaf there, or rows differ in the kind of container that they have there.
 */

import { atOnce, type Slices } from "../../core/slices.ts";
import { Field } from "./field.ts";
import type { FieldComparison } from "./field-comparison.ts";
import { escapeSegment } from "./pointer.ts";
import {
  absent,
  type Container,
  circularAnswer,
  deepestNesting,
  emptyObject,
  isContainer,
  isList,
  MovedList,
  stepsOfNames,
  unreadForm,
} from "./values.ts";

/** A container on the way of a walk, and how far the walk has come in it. */
interface Visit {
  readonly container: { readonly [segment: string | number]: unknown };
  /** Keys of an object, places of a moved list; any other list is walked by index. */
  readonly keys: readonly (string | number)[] | undefined;
  readonly length: number;
  readonly field: Field;
  next: number;
  /** JSON pointer in the answer as it was given; absent where none is asked for. */
  readonly pointer: string | undefined;
  /** Index in the given list, by place; of a moved list only. */
  readonly indices: ReadonlyMap<string | number, number> | undefined;
}

/** Mean log-probability of the tokens of each leaf, by JSON pointer. */
export type Logprobs = Readonly<Record<string, number>>;

export class ValueTable {
  readonly fields: Field[] = [];
  /** Answers by row. */
  readonly answers: unknown[] = [];
  readonly root: Field;
  /** Those of the answer that is being added. */
  #logprobs: Logprobs | undefined;

  constructor(comparison: FieldComparison) {
    this.root = new Field(comparison);
  }

  get rows(): number {
    return this.answers.length;
  }

  /**
   * Adds an answer as the next row.
   *
   * @throws InvalidOptionsError where the answer contains itself
   */
  add(value: unknown): void {
    atOnce(this.adding(value));
  }

  /**
   * Adds an answer as the next row, in slices.
   *
   * @param logprobs of its leaves
   */
  *adding(value: unknown, logprobs?: Logprobs | undefined): Slices<void> {
    this.#logprobs = logprobs;
    let steps = 0;
    const row = this.answers.push(value) - 1;
    const open: Visit[] = [];
    const form = unreadForm(value);
    steps += this.#enter(form === absent ? null : form, this.root, row, open, logprobs && "");
    for (let visit = open.at(-1); visit; visit = open.at(-1)) {
      if (visit.next === visit.length) open.pop();
      else steps += this.#step(visit, row, open);
      if (open.length > deepestNesting) throw circularAnswer(value);
      if (steps < 500) continue;
      yield steps;
      steps = 0;
    }
    for (const field of this.fields) field.fill(this.rows);
    yield steps + this.fields.length / 16;
  }

  /** Enters the next part of a container. Returns the steps that it took. */
  #step(visit: Visit, row: number, open: Visit[]): number {
    const segment = visit.keys ? (visit.keys[visit.next++] as string | number) : visit.next++;
    const value = visit.container[segment];
    const isHole = typeof segment === "number" && value === undefined;
    const pointer = visit.pointer === undefined ? undefined : `${visit.pointer}/${stepOf(visit, segment)}`;
    const steps = this.#enter(isHole ? null : value, visit.field.below(segment), row, open, pointer);
    return steps + (typeof value === "string" ? 5 + value.length / 16 : 3);
  }

  /** Enters a value. Returns the steps that reading its names took. */
  #enter(value: unknown, field: Field, row: number, open: Visit[], pointer: string | undefined): number {
    const given = unreadForm(value);
    const visit = isContainer(given) ? visitOf(given, field, pointer) : undefined;
    const form = visit?.length === 0 && !isList(given as Container) ? emptyObject : given;
    if (visit && isContainer(form)) {
      (isList(form) ? field.listRows : field.objectRows).push(row);
      open.push(visit);
      if (form instanceof MovedList) field.orders.set(row, form.places);
      if (field.listRows.length > 0 && field.objectRows.length > 0) this.#takeIn(field);
    } else if (form !== absent) {
      this.#takeIn(field);
      field.record(row, form);
      const logprob = pointer === undefined ? undefined : this.#logprobs?.[pointer];
      if (logprob !== undefined) field.likelihoods.set(row, Math.exp(logprob));
    }
    return visit?.keys ? stepsOfNames(visit.length) : 0;
  }

  #takeIn(field: Field): void {
    if (field.isKnown) return;
    field.isKnown = true;
    this.fields.push(field);
  }
}

function visitOf(form: Container, field: Field, pointer: string | undefined): Visit {
  const visit = { field, next: 0, pointer, indices: undefined };
  if (Array.isArray(form))
    return { ...visit, container: form as unknown as Visit["container"], keys: undefined, length: form.length };
  const isMoved = form instanceof MovedList;
  const keys = isMoved ? form.places.toSorted((a, b) => a - b) : Object.keys(form);
  const container = (isMoved ? form.items : form) as Visit["container"];
  const indices =
    isMoved && pointer !== undefined ? new Map(form.places.map((place, index) => [place, index])) : undefined;
  return { ...visit, container, keys, length: keys.length, indices };
}

/** Returns the step of a JSON pointer to a part of the answer as it was given. */
function stepOf({ indices }: Visit, segment: string | number): string | number {
  return indices?.get(segment) ?? (typeof segment === "number" ? segment : escapeSegment(segment));
}
