import { counts, type Shape, schemas, texts, values } from "./inputs.ts";

/** Use of public entries with hostile input. */
export interface Probe {
  readonly name: string;
  /** Entries that it calls, as the reports of the public surface name them. */
  readonly reaches: readonly string[];
  readonly shapes: readonly Shape<unknown>[];
  /** Power of the input with which the time grows by what the entry's documentation says. Default: 1. */
  readonly documentedPower?: number;
  /** Calls the entries. What it needs that is not measured is made before, by `shapes`. */
  run(input: any): unknown;
}

type Run<Input> = (input: Input) => unknown;

const probeOn =
  <Input>(shapes: readonly Shape<Input>[]) =>
  (reaches: string, run: Run<Input>, name?: string): Probe => {
    const entries = reaches.split(", ");
    return { name: name ?? (entries[0] as string), reaches: entries, shapes, run };
  };

/** Probes with texts, JSON values, JSON schemas, and numbers of things. */
export const onTexts = probeOn(texts);
export const onValues = probeOn<any>(values);
export const onSchemas = probeOn<any>(schemas);
export const onCounts = probeOn(counts);

/** The numbers from 0 on. */
export const range = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);
