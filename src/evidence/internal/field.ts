/**
 * Job: hold what the replicates say at one JSON pointer, as small integers, and keep count of them.
 * Boundary: compares exactly; texts and tolerances are grouped in agreement.ts.
 * Invariants:
 * 1. Code 0 is "absent"; equal canonical leaves have equal codes, different ones different codes.
 * 2. `leader` is the code with most votes; of tied ones the first to reach the count in row order.
 * 3. `runnerUpVotes` is the most votes of any other code.
 */

import { escapeSegment } from "./pointer.ts";
import type { FieldRules } from "./rules.ts";
import { TextProfile } from "./text/text-profile.ts";
import { absent, canonicalLeaf, type Leaf } from "./values.ts";

/** Strings longer than this are compared as texts, unless the options say otherwise. */
const longestExactString = 64;

export class Field {
  readonly parent: Field | undefined;
  readonly segment: string | number;
  readonly rules: FieldRules;
  readonly pointer: string;
  /** The pointer with `*` in place of every list index. */
  readonly pattern: string;
  /** By code. */
  readonly leaves: Leaf[] = [absent];
  /** By row. */
  readonly codes: number[] = [];
  /** By code, the rows that have it, rising. */
  readonly rows: number[][] = [[]];
  leader = 0;
  runnerUpVotes = 0;
  hasLongText = false;
  /** In how many rows a list, or an object, stands here, empty or not. */
  listRows = 0;
  objectRows = 0;
  readonly #codeOf = new Map<Leaf, number>();
  /** By code, of long texts only: they take long to make and little room. */
  readonly #profiles = new Map<number, TextProfile>();
  #below: Map<string | number, Field> | undefined;

  constructor(rules: FieldRules, segment: string | number = "", parent?: Field | undefined) {
    this.rules = rules;
    this.segment = segment;
    this.parent = parent;
    const step = typeof segment === "number" ? String(segment) : escapeSegment(segment);
    this.pointer = parent ? `${parent.pointer}/${step}` : "";
    this.pattern = parent ? `${parent.pattern}/${typeof segment === "number" ? "*" : step}` : "";
  }

  get leaderVotes(): number {
    return this.votesOf(this.leader);
  }

  votesOf(code: number): number {
    return (this.rows[code] as number[]).length;
  }

  /** Whether strings here are compared by similarity. */
  get isText(): boolean {
    return this.rules.text ?? this.hasLongText;
  }

  /** Whether equal values, and only those, are one answer. */
  get isExact(): boolean {
    return !this.isText && this.rules.tolerance === undefined;
  }

  below(segment: string | number): Field {
    this.#below ??= new Map();
    const known = this.#below.get(segment);
    if (known) return known;
    const field = new Field(this.rules.below(segment), segment, this);
    this.#below.set(segment, field);
    return field;
  }

  /** The text of a code as it is compared; undefined of what is no string. */
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
    this.#count(this.#codeOf.get(leaf) ?? this.#learn(leaf));
  }

  /** Notes that the rows before `end` that said nothing here are absent. */
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

  #learn(leaf: Leaf): number {
    const canonical = canonicalLeaf(leaf);
    let code = this.#codeOf.get(canonical);
    if (code === undefined) {
      code = this.leaves.push(canonical) - 1;
      this.rows.push([]);
      this.#codeOf.set(canonical, code);
      if (typeof canonical === "string" && canonical.length > longestExactString) this.hasLongText = true;
    }
    this.#codeOf.set(leaf, code);
    return code;
  }
}
