import type { EvidenceSource } from "../../contract/model.ts";
import { difference, type Measured, type Measures } from "./measures.ts";
import type { Asking } from "./replay.ts";

/** One setting, and what it came to. */
export interface EvaluatedRow extends Asking, Measures {
  /** Name of the tool. */
  readonly tool: string;
  readonly model: string;
  readonly source: EvidenceSource;
  /** Accuracy less that of the first row, over the same inputs. */
  readonly gain: Measured;
  /** True where no other setting is at least as accurate for less. */
  readonly isBest: boolean;
}

/** One setting, before it is held against others. */
export type MeasuredRow = Omit<EvaluatedRow, "gain" | "isBest"> & {
  /** True of each input whose consensus is right. */
  readonly rights: readonly boolean[];
};

/** Compares each row with the first, where both are over the same inputs, and finds those that no other betters. */
export function compareRows(rows: readonly MeasuredRow[]): EvaluatedRow[] {
  const [first] = rows;
  const price = (row: Measures) => priceOf(row, rows);
  return rows.map(({ rights, ...row }) => ({
    ...row,
    gain: difference(rights, first?.rights ?? rights),
    isBest: !rows.some(
      (other) =>
        (other.accuracy.value >= row.accuracy.value && price(other) < price(row)) ||
        (other.accuracy.value > row.accuracy.value && price(other) <= price(row)),
    ),
  }));
}

/** Dollars where all are known, else answers: what a setting costs beside others. */
export function priceOf(row: Measures, rows: readonly Measures[]): number {
  return rows.every(({ costUsd }) => costUsd !== null) && rows.some(({ costUsd }) => costUsd !== 0)
    ? (row.costUsd as number)
    : row.samples;
}
