import { InvalidOptionsError } from "../../core/errors.ts";
import type { Slices } from "../../core/slices.ts";
import { createSlicedRule, type SlicedRule, type StoppingRuleOptions, type StoppingVerdict } from "../stopping.ts";
import { pickFields } from "./pick-fields.ts";
import { isAtOrBelow } from "./pointer.ts";

/** Verdict of a rule over parts after a replicate. */
export interface PartsVerdict extends StoppingVerdict {
  /** The parts that further replicates have to be asked for. */
  unsettled: string[];
}

/** A stopping rule that says, too, which parts of the answer are not settled yet. */
export interface PartsRule {
  /** The fewest replicates that could end it, before any has come. */
  readonly needed: number;
  /**
   * Hears of the next replicate.
   *
   * @param info `fields`: the parts that it was asked for; default: the whole answer
   */
  observe(
    data: unknown,
    info?: {
      valid?: boolean | undefined;
      fields?: readonly string[] | undefined;
      hasLogprobs?: boolean | undefined;
    },
  ): Slices<PartsVerdict>;
}

/** One part, and what its rule said last. */
interface Part {
  readonly pointer: string;
  readonly rule: SlicedRule;
  verdict: StoppingVerdict;
}

/**
 * A stopping rule for each part of the answer: it hears of the replicates that were asked for that part, and `k` is how
 * many of those may come. A part that is settled stays so, and all stops when each is.
 *
 * @param parts JSON pointers, none inside another (`schemaParts`)
 * @throws InvalidOptionsError where the options cannot be used, or `fields` has a field that is in no part
 */
export function createPartsRule(parts: readonly string[], { fields, ...options }: StoppingRuleOptions): PartsRule {
  const watched = fields ? watchedIn(parts, fields) : new Map(parts.map((part) => [part, [part]]));
  let open: Part[] = [...watched].map(([pointer, inside]) => {
    const rule = createSlicedRule({ ...options, fields: inside });
    return { pointer, rule, verdict: { stop: false, stability: 0, needed: rule.needed } };
  });
  let [settledStability, lastReason]: [number, string | undefined] = [1, undefined];
  return {
    needed: mostNeeded(open),
    *observe(data, { valid = true, fields: asked, hasLogprobs } = {}) {
      for (const part of open) {
        if (asked && !asked.includes(part.pointer)) continue;
        part.verdict = yield* part.rule.observe(valid ? pickFields(data, [part.pointer]) : null, {
          valid,
          hasLogprobs,
        });
        if (!part.verdict.stop) continue;
        settledStability = Math.min(settledStability, part.verdict.stability);
        lastReason = part.verdict.reason;
      }
      open = open.filter(({ verdict }) => !verdict.stop);
      return {
        stop: open.length === 0,
        ...(open.length === 0 && lastReason !== undefined && { reason: lastReason }),
        stability: Math.min(settledStability, ...open.map(({ verdict }) => verdict.stability)),
        needed: mostNeeded(open),
        unsettled: open.map(({ pointer }) => pointer),
      };
    },
  };
}

function mostNeeded(open: readonly Part[]): number {
  return Math.max(0, ...open.map(({ verdict }) => verdict.needed));
}

/** Returns the fields of each part that must be settled, without the parts that have none. */
function watchedIn(parts: readonly string[], fields: readonly string[]): Map<string, string[]> {
  const unknown = fields.find((field) => !parts.some((part) => isAtOrBelow(field, part) || isAtOrBelow(part, field)));
  if (unknown !== undefined)
    throw new InvalidOptionsError([
      {
        path: "fields",
        given: unknown,
        allowed: `${parts.join(", ")}, or a field inside one of them`,
      },
    ]);
  const watched = new Map<string, string[]>();
  for (const part of parts) {
    if (fields.some((field) => isAtOrBelow(part, field))) watched.set(part, [part]);
    else {
      const inside = fields.filter((field) => isAtOrBelow(field, part));
      if (inside.length > 0) watched.set(part, inside);
    }
  }
  return watched;
}
