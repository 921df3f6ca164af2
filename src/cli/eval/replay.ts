import type { BundleSummary } from "../../contract/bundle.ts";
import type { CompareOptions, StoppingRuleName } from "../../contract/bundle-options.ts";
import type { JSONValue } from "../../core/json.ts";
import { createStoppingRule } from "../../evidence/stopping.ts";
import { summarize } from "../../evidence/summary.ts";

/** An answer that was paid for. */
export interface PaidAnswer {
  readonly id: string;
  readonly data: JSONValue;
  readonly quality: { readonly valid: boolean };
  readonly logprobs?: Readonly<Record<string, number>> | undefined;
  readonly tokens: number;
  readonly costUsd: number | null;
  /** `null` where it is not known. */
  readonly elapsedMs: number | null;
}

/** Most answers to a question, and the rule by which fewer are enough. */
export interface Asking {
  readonly k: number;
  readonly stopping: StoppingRuleName;
}

/** Rules by which a tool compares its answers. */
export interface Judging {
  readonly compare: CompareOptions;
  readonly choices: Readonly<Record<string, number>>;
}

/** Result of one question. */
export interface Replayed {
  readonly summary: BundleSummary;
  readonly answers: number;
  readonly tokens: number;
  readonly costUsd: number | null;
  readonly elapsedMs: number | null;
}

/**
 * Gives the answers of one question as they would have come: in waves of as many as the rule needs at least, at first two or
 * more, each wave at once. The answers of a shorter run are the first of a longer one: their seeds are the same.
 */
export function replay(paid: readonly PaidAnswer[], { k, stopping }: Asking, { compare, choices }: Judging): Replayed {
  const most = Math.min(k, paid.length);
  const asked: PaidAnswer[] = [];
  const rule = stopping === "none" || k === 1 ? undefined : createStoppingRule({ k, rule: stopping, compare, choices });
  let wave = rule ? Math.max(2, rule.needed) : most;
  const waves: (readonly PaidAnswer[])[] = [];
  while (asked.length < most) {
    const answers = paid.slice(asked.length, Math.min(most, asked.length + Math.max(1, wave)));
    asked.push(...answers);
    waves.push(answers);
    const verdicts = answers.map(({ data, quality, logprobs }) =>
      rule?.observe(data, { valid: quality.valid, hasLogprobs: logprobs !== undefined }),
    );
    if (verdicts.some((verdict) => verdict?.stop)) break;
    wave = verdicts.at(-1)?.needed ?? most;
  }
  return {
    summary: summarize(asked, { ...compare, k, choices }),
    answers: asked.length,
    tokens: sum(asked.map(({ tokens }) => tokens)),
    costUsd: asked.some(({ costUsd }) => costUsd === null) ? null : sum(asked.map(({ costUsd }) => costUsd ?? 0)),
    elapsedMs: asked.some(({ elapsedMs }) => elapsedMs === null) ? null : sum(waves.map(slowestOf)),
  };
}

function slowestOf(wave: readonly PaidAnswer[]): number {
  return Math.max(...wave.map(({ elapsedMs }) => elapsedMs ?? 0));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
