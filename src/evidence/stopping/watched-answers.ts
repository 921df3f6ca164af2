import type { CompareOptions } from "../../contract/bundle-options.ts";
import type { Field } from "../field.ts";
import { isAtOrBelow, pointerSegments } from "../pointer.ts";
import { FieldRules } from "../rules.ts";
import { tableOf } from "../table-of.ts";
import { ValueTable } from "../value-table.ts";

/** The valid answers so far, and the fields of them that a rule watches. */
export class WatchedAnswers {
  readonly #rules: FieldRules;
  readonly #pointers: readonly string[] | undefined;
  /** Kept only where list items move with every further answer. */
  readonly #values: unknown[] = [];
  #table: ValueTable;
  #fields: Field[] = [];
  #looked = 0;

  /**
   * @param pointers the fields to watch, with all below them; default: all
   * @throws InvalidOptionsError
   */
  constructor(compare: CompareOptions | undefined, pointers: readonly string[] | undefined) {
    for (const pointer of pointers ?? []) pointerSegments(pointer, "fields");
    this.#rules = FieldRules.of(compare);
    this.#pointers = pointers;
    this.#table = new ValueTable(this.#rules);
  }

  get table(): ValueTable {
    return this.#table;
  }

  get fields(): readonly Field[] {
    return this.#pointers ? this.#fields : this.#table.fields;
  }

  add(value: unknown): void {
    if (this.#rules.movesListItems) {
      this.#values.push(value);
      this.#table = tableOf(this.#values, this.#rules);
      this.#fields = [];
      this.#looked = 0;
    } else this.#table.add(value);
    if (this.#pointers) this.#lookForFields(this.#pointers);
  }

  #lookForFields(pointers: readonly string[]): void {
    for (const field of this.#table.fields.slice(this.#looked)) {
      if (pointers.some((watched) => isAtOrBelow(field.pointer, watched))) this.#fields.push(field);
    }
    this.#looked = this.#table.fields.length;
  }
}
