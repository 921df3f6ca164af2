/**
 * Job: hold what the replicates say at one JSON pointer, as small integers, and keep count of them.
 * Boundary: similarities and tolerances are grouped in agreement.ts.
 * Invariants:
 * 1. Code 0 is "no leaf": nothing, or a container with something in it. Equal canonical leaves, and strings that give the
 *    same answer, have equal codes, different ones different codes.
 * 2. `leader` is the code with most votes; of tied ones the first to reach the count in row order.
 * 3. `runnerUpVotes` is the most votes of any other code.
 */

import type { FieldComparison } from "./field-comparison.ts";
import { escapeSegment } from "./pointer.ts";
import { normalForm } from "./text/normal-form.ts";
import { TextProfile } from "./text/text-profile.ts";
import { absent, comparedLeaf, type Leaf } from "./values.ts";

/** Longer strings are texts, whatever the options say of them. */
export const longestLabel = 64;

export class Field {
  readonly parent: Field | undefined;
  /** Key in an object, index in a list, place in a moved list. */
  readonly segment: string | number;
  readonly rules: FieldComparison;
  /** Leaves by code. */
  readonly leaves: Leaf[] = [absent];
  /** Codes by row. */
  readonly codes: number[] = [];
  /** Rows that have each code, rising. */
  readonly rows: number[][] = [[]];
  leader = 0;
  runnerUpVotes = 0;
  hasLongText = false;
  /** Set once the table lists it. */
  isKnown = false;
  /** Rows that have a list, or an object, with something in it, rising. */
  readonly listRows: number[] = [];
  readonly objectRows: number[] = [];
  /** Mean probability of the tokens of the leaf, by row whose model tells it. */
  readonly likelihoods = new Map<number, number>();
  /** Place of each item, by row that has a moved list here. */
  readonly orders = new Map<number, readonly number[]>();
  readonly #codeOf = new Map<Leaf, number>();
  readonly #codeOfForm = new Map<string, number>();
  /** Forms of a string, how often each came, and the row of the first, by code. */
  readonly #forms = new Map<number, Map<string, { count: number; first: number }>>();
  /** Profiles of long texts by code: they take long to make and little room. */
  readonly #profiles = new Map<number, TextProfile>();
  #below: Map<string | number, Field> | undefined;
  #index: number | undefined;
  #pointer: string | undefined;
  #pattern: string | undefined;

  constructor(rules: FieldComparison, segment: string | number = "", parent?: Field | undefined) {
    this.rules = rules;
    this.segment = segment;
    this.parent = parent;
  }

  /** JSON pointer; an item of a moved list has the index that it was numbered with. */
  get pointer(): string {
    const known = this.#pointer;
    if (known !== undefined) return known;
    const path: Field[] = [];
    let above: Field = this;
    for (; above.parent && above.#pointer === undefined; above = above.parent) path.push(above);
    let pointer = above.#pointer ?? "";
    for (let field = path.pop(); field; field = path.pop()) {
      pointer += `/${typeof field.segment === "number" ? (field.#index ?? field.segment) : escapeSegment(field.segment)}`;
      field.#pointer = pointer;
    }
    return pointer;
  }

  /** The pointer with `*` in place of every list index. */
  get pattern(): string {
    const path: Field[] = [];
    let above: Field = this;
    for (; above.parent && above.#pattern === undefined; above = above.parent) path.push(above);
    let pattern = above.#pattern ?? "";
    for (let field = path.pop(); field; field = path.pop()) {
      pattern += typeof field.segment === "number" ? "/*" : `/${escapeSegment(field.segment)}`;
      field.#pattern = pattern;
    }
    return pattern;
  }

  /** True if items of lists stand here at the places where they meet. */
  get isMoved(): boolean {
    return this.orders.size > 0;
  }

  get leaderVotes(): number {
    return this.votesOf(this.leader);
  }

  votesOf(code: number): number {
    return (this.rows[code] as number[]).length;
  }

  /** Set where the caller's similarity decides which strings are one answer. */
  get isBySimilarity(): boolean {
    return this.rules.similarity !== undefined && this.rules.text === "same";
  }

  /** Set where each code is an answer of its own. */
  get isExact(): boolean {
    return !this.isBySimilarity && this.rules.tolerance === undefined;
  }

  /** Set where strings are texts, not labels: of tied ones the one closest to all is given. */
  get isText(): boolean {
    return this.isBySameAnswer && (this.rules.isFreeText || this.hasLongText);
  }

  /** Set where strings that give the same answer share a code. */
  get isBySameAnswer(): boolean {
    return this.rules.text === "same" && this.rules.similarity === undefined;
  }

  /** The fields one step down. */
  get inner(): Iterable<Field> {
    return this.#below?.values() ?? [];
  }

  below(segment: string | number): Field {
    this.#below ??= new Map();
    const known = this.#below.get(segment);
    if (known) return known;
    const field = new Field(this.rules.below(segment), segment, this);
    this.#below.set(segment, field);
    return field;
  }

  /** Numbers an item of a moved list. Pointers of and below it must not have been read. */
  number(index: number): void {
    this.#index = index;
  }

  /** The text of a code as it is compared; undefined for a value that is not a string. */
  profileOf(code: number): TextProfile | undefined {
    const leaf = this.leaves[code];
    if (typeof leaf !== "string") return undefined;
    const profile = this.#profiles.get(code) ?? new TextProfile(leaf);
    if (profile.isLong) this.#profiles.set(code, profile);
    return profile;
  }

  /** Notes what a row says. Rows come in order, each at most once. */
  record(row: number, leaf: Leaf): void {
    this.fill(row);
    const code = this.#codeOf.get(leaf) ?? this.#learn(leaf);
    this.#count(code);
    if (typeof leaf === "string") this.#noteForm(code, leaf);
  }

  /** Shows a code in its commonest form, to the letter; of equally common ones in the earliest. */
  #noteForm(code: number, form: string): void {
    const forms = this.#forms.get(code) ?? new Map<string, { count: number; first: number }>();
    this.#forms.set(code, forms);
    const own = forms.get(form) ?? { count: 0, first: this.codes.length };
    forms.set(form, own);
    own.count++;
    const shown = forms.get(this.leaves[code] as string) ?? own;
    if (own.count > shown.count || (own.count === shown.count && own.first < shown.first)) this.leaves[code] = form;
  }

  /** Notes that the rows before `end` that said nothing have no leaf here. */
  fill(end: number): void {
    while (this.codes.length < end) this.#count(0);
  }

  #count(code: number): void {
    const before = this.leaderVotes;
    const votes = (this.rows[code] as number[]).push(this.codes.length);
    this.codes.push(code);
    if (code === this.leader) return;
    if (votes > before) {
      this.leader = code;
      this.runnerUpVotes = before;
    } else if (votes > this.runnerUpVotes) this.runnerUpVotes = votes;
  }

  /** Texts of equal forms are one answer: the same by rule, or by a judge's verdict. */
  #formOf(text: string): string {
    const form = normalForm(text);
    return this.rules.decideGroup?.(this.pattern, form) ?? form;
  }

  #learn(leaf: Leaf): number {
    const compared = comparedLeaf(leaf);
    const isFolded = typeof leaf === "string" && this.isBySameAnswer;
    const [known, key] = isFolded ? [this.#codeOfForm, this.#formOf(leaf)] : [this.#codeOf, compared];
    let code = known.get(key as string);
    if (code === undefined) {
      code = this.leaves.push(leaf === 0 ? 0 : leaf) - 1;
      this.rows.push([]);
      known.set(key as string, code);
      if (typeof compared === "string" && compared.length > longestLabel) this.hasLongText = true;
    }
    this.#codeOf.set(leaf, code);
    return code;
  }
}
