/**
 * Job: put what the replicates agree on together to one value, and see to it that no field says otherwise.
 * Boundary: answers are grouped in agreement.ts; numbers are drawn from them in field-summary.ts.
 * Invariants:
 * 1. The first answer to a field is what the consensus has at its pointer; where that is nothing, neither has the field.
 * 2. An item that no list has twice is not in the consensus twice.
 * 3. No list or object is empty in the consensus that was empty in no answer: it is voted on as a whole then.
 */

import { atOnce, type Slices, visiting } from "../../core/slices.ts";
import {
  type Agreement,
  type Answer,
  agreeing,
  answerBy,
  filledList,
  filledObject,
  ranked,
  Whole,
} from "./agreement.ts";
import { canonicalText } from "./canonical-text.ts";
import type { Field } from "./field.ts";
import { numberItems } from "./item-order.ts";
import { shownAs, valueAt } from "./shown-answer.ts";
import type { ValueTable } from "./value-table.ts";
import { absent, isContainer, isList, itemsOf, jsonForm, type Leaf, leafValue, plainValue, setOwn } from "./values.ts";

export interface Settlement {
  readonly consensus: unknown;
  readonly agreements: ReadonlyMap<Field, Agreement>;
}

/** Returns the consensus of all rows, and how the rows answer to each of its fields. */
export function settle(table: ValueTable): Settlement {
  return atOnce(settling(table));
}

/** `settle`, in slices. */
export function* settling(table: ValueTable): Slices<Settlement> {
  if (table.rows === 0) return { consensus: null, agreements: new Map() };
  const nodes = new Map<Field, Node>();
  const order: Node[] = [];
  const open: Node[] = [new Node(table, table.root, undefined)];
  for (let node = open.pop(); node; node = open.pop()) {
    nodes.set(node.field, node);
    order.push(node);
    yield* node.decide();
    for (const field of node.field.inner) {
      const inner = new Node(table, field, node);
      node.inner.push(inner);
      open.push(inner);
    }
  }
  for (const node of order.toReversed()) yield* node.assemble();
  const agreements = new Map<Field, Agreement>();
  for (const node of order) {
    if (node.isInside) continue;
    node.report(agreements);
    yield 2;
  }
  const consensus = nodes.get(table.root)?.value;
  return {
    consensus: consensus === absent ? null : consensus,
    agreements: yield* inOrderOfTable(agreements, table),
  };
}

/** Fields that the table lists come first, in its order. */
function* inOrderOfTable(
  agreements: ReadonlyMap<Field, Agreement>,
  { fields }: ValueTable,
): Slices<ReadonlyMap<Field, Agreement>> {
  const ordered = new Map<Field, Agreement>();
  for (const field of fields) {
    const agreement = agreements.get(field);
    if (agreement) ordered.set(field, agreement);
    yield 1;
  }
  for (const [field, agreement] of agreements) {
    if (!ordered.has(field)) ordered.set(field, agreement);
    yield 1;
  }
  return ordered;
}

/** Returns how the rows answer to each field where one row is given as the consensus: its own answers come first. */
export function* settleOn(table: ValueTable, row: number): Slices<ReadonlyMap<Field, Agreement>> {
  const open: Field[] = [table.root];
  for (let field = open.pop(); field; field = open.pop()) {
    const inner = [...field.inner];
    const items = inner.filter(({ segment }) => typeof segment === "number");
    if (field.isMoved) yield* numberItems(items, [field.orders.get(row) ?? []]);
    else for (const item of items) item.number(item.segment as number);
    for (const each of inner) open.push(each);
    yield inner.length;
  }
  const agreements = new Map<Field, Agreement>();
  for (const field of table.fields) {
    const { answers, textScore } = yield* agreeing(field);
    const given = answers.find(({ rows }) => rows.includes(row)) as Answer;
    const shown = answers.map((answer) => shownAs(answer, table, field, answer === given ? row : undefined));
    agreements.set(field, {
      answers: shown as [Answer, ...Answer[]],
      given: shown[answers.indexOf(given)] as Answer,
      textScore: given === answers[0] ? textScore : undefined,
    });
  }
  return agreements;
}

/** A field on the way from the votes to the consensus. */
class Node {
  readonly field: Field;
  readonly inner: Node[] = [];
  /** Value of the consensus here. */
  value: unknown = absent;
  /** Set where a list or object around it is voted on as a whole. */
  isInside = false;
  #agreement: Agreement | undefined;
  readonly #table: ValueTable;
  readonly #parent: Node | undefined;
  /** The rows whose votes count here; all where undefined. */
  #voters: ReadonlySet<number> | undefined;
  #isWhole = false;
  /** True if an item around it is in no more than half of the rows. */
  #isDoubtful: boolean;
  /** The kind of container that is to be here, if one is. */
  #filledWith: typeof filledList | typeof filledObject | undefined;

  constructor(table: ValueTable, field: Field, parent: Node | undefined) {
    this.#table = table;
    this.field = field;
    this.#parent = parent;
    this.#voters = parent ? parent.#voters : undefined;
    this.#isDoubtful = parent ? parent.#isDoubtful : false;
  }

  /** Decides between leaves, containers and nothing, after the field above. */
  *decide(): Slices<void> {
    const { field } = this;
    const { listRows, objectRows, isKnown } = field;
    const kind = typeof field.segment === "number" ? filledList : filledObject;
    const isOpen = !this.#parent || this.#parent.#filledWith === kind;
    if (isKnown) {
      this.#agreement = yield* this.#vote(isOpen);
      const { leaf } = this.#agreement.answers[0];
      if (isOpen && (leaf === filledList || leaf === filledObject)) this.#filledWith = leaf;
    } else if (isOpen && this.#isMostly([...listRows, ...objectRows]))
      this.#filledWith = listRows.length > 0 ? filledList : filledObject;
    const isItem = typeof field.segment === "number" && this.#parent?.field.isMoved;
    if (!isItem || !this.#filledWith) return;
    const all = this.#voters?.size ?? this.#table.rows;
    this.#voters = new Set(this.#counted(this.#filledWith === filledList ? listRows : objectRows));
    this.#isDoubtful ||= 2 * this.#voters.size <= all;
  }

  #counted(rows: readonly number[]): readonly number[] {
    const voters = this.#voters;
    return voters ? rows.filter((row) => voters.has(row)) : rows;
  }

  /** True if at least as many rows have something as have nothing, and reached their number first. */
  #isMostly(rows: readonly number[]): boolean {
    const having = new Set(this.#counted(rows));
    const others = this.#voters ? [...this.#voters] : Array.from(this.#table.answers.keys());
    const without = others.filter((row) => !having.has(row));
    if (having.size !== without.length) return having.size > without.length;
    return lastOf(having) < lastOf(without);
  }

  /**
   * The answers here. Nothing leads inside a container that is not there; of an item that is there, rows that lack it
   * say nothing.
   */
  *#vote(isOpen: boolean): Slices<Agreement> {
    const agreement = yield* agreeing(this.field);
    const [leader] = agreement.answers;
    if (!isOpen) return leader.leaf === absent ? agreement : led(agreement, ({ leaf }) => leaf === absent);
    const nothing = agreement.answers.find(({ leaf }) => leaf === absent);
    const leads = nothing && (this.#isDoubtful ? leader === nothing : nothing.votes >= leader.votes);
    if (!this.#voters || !leads) return agreement;
    const saying = this.#counted(nothing.rows);
    const [first, ...others] = agreement.answers.filter((answer) => answer !== nothing);
    const isLacking = saying.length < nothing.votes;
    if (!isLacking || !first || ranked([first, answerBy(saying, absent)])[0] !== first) return agreement;
    const isTied = this.#isDoubtful || first.votes === Math.max(saying.length, others[0]?.votes ?? 0);
    return { answers: [first, ...others, nothing], isTied, textScore: undefined };
  }

  /** Puts together what stands below, once that is done. */
  *assemble(): Slices<void> {
    yield 1;
    if (!this.#filledWith) {
      const leaf = this.#agreement ? this.#agreement.answers[0].leaf : absent;
      if (leaf !== absent) this.value = leafValue(leaf as Leaf);
      return;
    }
    yield* this.#fill(this.#filledWith === filledList);
    const { listRows, objectRows } = this.field;
    // A list or an object that half of the rows have is there only if something in it is.
    const isTied = !this.#agreement && 2 * (listRows.length + objectRows.length) === this.#table.rows;
    if (this.value === absent && !isTied) yield* this.#voteWhole(() => true);
  }

  *#fill(isList: boolean): Slices<void> {
    const { field } = this;
    if (isList && field.isMoved) yield* this.#tellApart();
    const there = this.inner.filter(({ value }) => value !== absent);
    if (there.length === 0) this.value = absent;
    else if (!isList) {
      const object = {};
      for (const node of there) setOwn(object, node.field.segment, node.value);
      this.value = object;
    } else if (!field.isMoved) this.value = this.#closedUp();
    else {
      const items: Field[] = [];
      const valuesOf = new Map<Field, unknown>();
      yield* visiting(this.inner, ({ field: item, value }) => {
        if (typeof item.segment === "number") items.push(item);
        if (value !== absent) valuesOf.set(item, value);
      });
      const ordered = yield* numberItems(items, [...field.orders.values()], new Set(valuesOf.keys()));
      const list: unknown[] = [];
      yield* visiting(ordered, (item) => {
        if (valuesOf.has(item)) list.push(valuesOf.get(item));
      });
      this.value = list;
    }
  }

  /** The items of a list by position, numbered as they stand where some are left out. */
  #closedUp(): unknown[] {
    const items = this.inner.filter(({ field }) => typeof field.segment === "number").sort(byIndex);
    const there = items.filter(({ value }) => value !== absent);
    [...there, ...items.filter(({ value }) => value === absent)].forEach(({ field }, index) => {
      field.number(index);
    });
    return there.map(({ value }) => value);
  }

  /** Votes as wholes on items that were put together to what stands in the list already, more often than in any row. */
  *#tellApart(): Slices<void> {
    for (let twice = yield* this.#doubled(); twice; twice = yield* this.#doubled()) {
      const { node, others } = twice;
      if (node.#isWhole) node.#leaveOut();
      else yield* node.#voteWhole((text) => !others.has(text));
    }
  }

  /** An item that is in the list more often than in any row, not given by a row at its place, if there is one. */
  *#doubled(): Slices<{ node: Node; others: Set<string> } | undefined> {
    const there = this.inner.filter(({ value }) => value !== absent);
    const texts: string[] = [];
    for (const node of there) {
      const text = node.#textOf(node.value);
      texts.push(text);
      yield 1 + text.length / 16;
    }
    if (new Set(texts).size === texts.length) return undefined;
    const byText = new Map<string, Node[]>();
    texts.forEach((text, at) => {
      const same = byText.get(text) ?? [];
      byText.set(text, same);
      same.push(there[at] as Node);
    });
    for (const [text, nodes] of byText) {
      if (nodes.length === 1 || nodes.length <= (yield* this.#mostTimes(text))) continue;
      const giving = new Map<Node, number>();
      for (const node of nodes)
        giving.set(node, node.#isWhole ? Number.POSITIVE_INFINITY : yield* node.#givingRows(text));
      const node = nodes.toSorted((a, b) => (giving.get(a) as number) - (giving.get(b) as number))[0] as Node;
      return { node, others: new Set(texts) };
    }
    return undefined;
  }

  *#mostTimes(text: string): Slices<number> {
    let most = 0;
    for (const row of this.field.listRows) {
      const form = jsonForm(valueAt(this.#table, row, this.field));
      const items = isContainer(form) && isList(form) ? itemsOf(form) : [];
      let times = 0;
      for (const [at, item] of items.entries()) {
        const own = canonicalText(item, this.field.rules.below(at));
        if (own === text) times++;
        yield 1 + own.length / 16;
      }
      most = Math.max(most, times);
    }
    return most;
  }

  *#givingRows(text: string): Slices<number> {
    let giving = 0;
    for (const row of this.#table.answers.keys()) {
      const value = valueAt(this.#table, row, this.field);
      const own = value === absent ? "" : this.#textOf(value);
      if (value !== absent && own === text) giving++;
      yield 1 + own.length / 16;
    }
    return giving;
  }

  #leaveOut(): void {
    const { answers } = this.#agreement as Agreement;
    const nothing = answers.find(({ leaf }) => leaf === absent) ?? answerBy([], absent);
    const others = answers.filter((answer) => answer !== nothing);
    this.#agreement = { answers: [nothing, ...others], textScore: undefined };
    this.value = absent;
  }

  /** Votes on what the rows have here as wholes, and gives the first that is allowed. */
  *#voteWhole(isAllowed: (text: string) => boolean): Slices<void> {
    const rowsOf = new Map<string, number[]>();
    for (const row of this.#table.answers.keys()) {
      const value = valueAt(this.#table, row, this.field);
      const text = value === absent ? "" : this.#textOf(value);
      const rows = rowsOf.get(text);
      if (rows) rows.push(row);
      else rowsOf.set(text, [row]);
      yield 1 + text.length / 16;
    }
    const answers = ranked(
      Array.from(rowsOf, ([text, rows]) =>
        answerBy(
          rows,
          text === "" ? absent : new Whole(plainValue(valueAt(this.#table, rows[0] as number, this.field))),
        ),
      ),
    );
    const agreement: Agreement = { answers, textScore: undefined };
    this.#agreement = led(agreement, ({ leaf }) => leaf === absent || isAllowed(this.#textOf((leaf as Whole).value)));
    const { leaf } = this.#agreement.answers[0];
    this.value = leaf === absent ? absent : plainValue((leaf as Whole).value);
    this.#filledWith = undefined;
    this.#isWhole = true;
    const open = [...this.inner];
    for (let node = open.pop(); node; node = open.pop()) {
      node.isInside = true;
      for (const inner of node.inner) open.push(inner);
    }
  }

  #textOf(value: unknown): string {
    return canonicalText(value, this.field.rules);
  }

  report(agreements: Map<Field, Agreement>): void {
    if (!this.#agreement) return;
    const answers = this.#agreement.answers.map((answer, at) => {
      const isGiven = at === 0 && this.#filledWith !== undefined;
      return isGiven
        ? { ...answer, leaf: new Whole(plainValue(this.value)) }
        : shownAs(answer, this.#table, this.field);
    });
    agreements.set(this.field, { ...this.#agreement, answers: answers as [Answer, ...Answer[]] });
  }
}

function lastOf(rows: Iterable<number>): number {
  let last = -1;
  for (const row of rows) last = Math.max(last, row);
  return last;
}

function byIndex(a: Node, b: Node): number {
  return (a.field.segment as number) - (b.field.segment as number);
}

/** Puts the first answer that qualifies in front. */
function led(agreement: Agreement, qualifies: (answer: Answer) => boolean): Agreement {
  const first = agreement.answers.find(qualifies);
  if (!first || first === agreement.answers[0]) return agreement;
  const others = agreement.answers.filter((answer) => answer !== first);
  return { answers: [first, ...others], textScore: undefined };
}
