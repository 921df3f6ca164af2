import type { ReplicateSpec } from "../../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import type { AnswerShelf, ToolRuntime } from "../../contract/call.ts";
import type { ToolContext } from "../../contract/tool.ts";
import type { AnswerRules } from "./answers.ts";
import type { ReplicateBound, ReplicateSource } from "./replicate-source.ts";

/** Common to the replicates of one model in a bundle. */
export interface BundleAsking<Input, T> extends AnswerRules {
  readonly tool: ReplicateSource<Input, T>;
  readonly request: Input;
  readonly options: ResolvedBundleOptions;
  readonly context: ToolContext;
  readonly runtime: ToolRuntime;
  readonly bound: ReplicateBound;
  /** Number of replicates that were asked for before, of other models. */
  readonly offset: number;
  /** Number of models that were asked before. */
  readonly stage: number;
  /** The journal's fingerprint of the question; `undefined` where nothing is journaled. */
  readonly question: string | undefined;
  readonly responseIds: Set<string>;
  /** Answers that earlier runs have paid for. */
  readonly shelf: AnswerShelf | undefined;
}

/** Replicate that is asked for, before its attempts are counted. */
export type AskedSpec = Omit<ReplicateSpec, "attempt">;

/** Returns the id and the seed of a replicate. */
export function specOf({ offset, options }: BundleAsking<any, any>, index: number) {
  return { id: `r${offset + index + 1}`, index, seed: options.seeds[index] as number };
}
