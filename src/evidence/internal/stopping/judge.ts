import type { Slices } from "../../../core/slices.ts";
import type { Field } from "../field.ts";
import type { ValueTable } from "../value-table.ts";
import { type FieldRule, type FieldState, fewestToSettle } from "./field-rule.ts";
import { MeanDistance } from "./mean-distance.ts";

/** All that a judge may know after a replicate. */
export interface Round {
  readonly table: ValueTable;
  /** The fields that have to be settled. */
  readonly fields: readonly Field[];
  /** Votes on them, in the same order. */
  readonly states: readonly FieldState[];
  /** Replicates that came, invalid ones included. */
  readonly seen: number;
  /** Replicates that can still come. */
  readonly left: number;
}

export interface Verdict {
  readonly stop: boolean;
  /** With which numbers; only of a stop. */
  readonly because?: string;
  /** The fewest further replicates that could end it. */
  readonly needed: number;
}

export type Judge = (round: Round) => Slices<Verdict>;

/** Stops when every field is settled by the rule; judged anew each time. */
export function judgeByField(rule: FieldRule): Judge {
  return function* ({ fields, states }) {
    let [closest, least, lead, needed] = [0, Number.POSITIVE_INFINITY, 0, 0];
    for (const [index, state] of states.entries()) {
      yield 1;
      const margin = rule.margin(state);
      // Margins of settled fields are often equal: the votes then tell which field is the closest.
      if (margin < least || (margin === least && leadOf(state) < lead))
        [closest, least, lead] = [index, margin, leadOf(state)];
      if (margin < 0) needed = Math.max(needed, fewestToSettle(rule, state));
    }
    if (least < 0) return { stop: false, needed };
    return { stop: true, because: explain(rule, fields[closest], states[closest] as FieldState), needed: 0 };
  };
}

function leadOf({ first, second }: FieldState): number {
  return first - second;
}

function explain(rule: FieldRule, field: Field | undefined, state: FieldState): string {
  const pointer = field?.pointer ?? "";
  return pointer === "" ? rule.explain(state) : `in ${pointer}, the closest field, ${rule.explain(state)}`;
}

/** Stops when the replicates are near to each other on average. */
export function judgeByDistance(epsilon: number): Judge {
  const distance = new MeanDistance();
  return function* ({ table, fields, left }) {
    yield* distance.update(table, fields);
    if (!distance.isWithin(epsilon)) return { stop: false, needed: distance.fewestToReach(epsilon, left) };
    const because = `the mean distance of ${table.rows} valid replicates is ${distance.mean.toFixed(3)}, at most ${epsilon}`;
    return { stop: true, because, needed: 0 };
  };
}

/** Never stops. */
export const judgeNothing: Judge = function* ({ left }) {
  yield 0;
  return { stop: false, needed: left };
};
