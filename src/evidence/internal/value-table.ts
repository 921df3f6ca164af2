import { Field } from "./field.ts";
import type { FieldRules } from "./rules.ts";
import { absent, type Container, circularAnswer, deepestNesting, isContainer, jsonForm } from "./values.ts";

/**
 * Job: turn answers into fields (one a JSON pointer) of small integers, so that comparing means comparing integers.
 * Boundary: takes lists by position; lists.ts moves their items beforehand where the options ask for it.
 * Invariants:
 * 1. Every field has a code for every row.
 * 2. A pointer is a field once any row has a leaf there: a scalar or an empty container.
 */

/** A container on the way of a walk, and how far the walk has come in it. */
interface Visit {
  readonly container: Container;
  /** Of an object; a list is walked by index. */
  readonly keys: readonly string[] | undefined;
  readonly length: number;
  readonly field: Field;
  next: number;
}

export class ValueTable {
  readonly fields: Field[] = [];
  /** The pointers at which any row has a list or an object, the outer ones first. */
  readonly containers: Field[] = [];
  #rows = 0;
  readonly #root: Field;

  constructor(rules: FieldRules) {
    this.#root = new Field(rules);
  }

  get rows(): number {
    return this.#rows;
  }

  /**
   * Adds an answer as the next row.
   *
   * @throws InvalidOptionsError where the answer contains itself
   */
  add(value: unknown): void {
    const row = this.#rows++;
    const open: Visit[] = [];
    const form = jsonForm(value);
    this.#enter(form === absent ? null : form, this.#root, row, open);
    for (let visit = open.at(-1); visit; visit = open.at(-1)) {
      if (visit.next === visit.length) open.pop();
      else this.#step(visit, row, open);
      if (open.length > deepestNesting) throw circularAnswer(value);
    }
    for (const field of this.fields) field.fill(this.#rows);
  }

  #step(visit: Visit, row: number, open: Visit[]): void {
    const segment = visit.keys ? (visit.keys[visit.next++] as string) : visit.next++;
    const value = (visit.container as Record<string | number, unknown>)[segment];
    const isHole = visit.keys === undefined && value === undefined;
    this.#enter(isHole ? null : value, visit.field.below(segment), row, open);
  }

  #enter(value: unknown, field: Field, row: number, open: Visit[]): void {
    const form = jsonForm(value);
    if (typeof form === "object" && form !== null) this.#noteContainer(field, Array.isArray(form));
    if (isContainer(form)) {
      const keys = Array.isArray(form) ? undefined : Object.keys(form);
      const length = keys ? keys.length : (form as readonly unknown[]).length;
      open.push({ container: form, keys, length, field, next: 0 });
    } else if (form !== absent) {
      if (field.leaves.length === 1) this.fields.push(field);
      field.record(row, form);
    }
  }

  #noteContainer(field: Field, isList: boolean): void {
    if (field.listRows + field.objectRows === 0) this.containers.push(field);
    if (isList) field.listRows++;
    else field.objectRows++;
  }
}
