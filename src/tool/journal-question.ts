/**
 * Job: tell the questions of a run apart, so that its journal gives none the answers to another.
 * Boundary: whether what is found there can still be used is the schema's to say.
 * Invariants:
 * 1. The same question has the same fingerprint in every run of a key, also where a schema fills in the time, or a
 *    function the prompt.
 * 2. Asked twice by one attempt it is two questions, and they are the same two when the attempt is made again.
 */
import { type Lent, lentWith } from "../contract/call.ts";
import { rawRequestOf } from "../contract/raw-request.ts";
import type { ToolContext } from "../contract/tool.ts";
import { fingerprint } from "../core/canonical.ts";
import { promptOf } from "./prompt-question.ts";
import type { ReplicateSource } from "./replicate-source.ts";

/** What tells who asks. */
type Asking = Pick<ReplicateSource<any, any>, "name" | "version" | "provider" | "modelId">;

/** How often each question was asked with what is lent to one attempt. */
const asked = new WeakMap<Lent, Map<string, number>>();

/**
 * The fingerprints of what one bundle asks of each of its models; they are `undefined` where nothing is journaled: without
 * a key, and for a request without a canonical form, which nobody could tell from another.
 */
export function journalQuestions(
  context: ToolContext,
  tool: Asking,
  request: unknown,
): (model: Asking) => string | undefined {
  const lent = lentWith(context);
  if (!lent?.journal) return () => undefined;
  const first = questionFingerprint(tool, request, lent.within, 0);
  if (first === undefined) return () => undefined;
  const counts = asked.get(lent) ?? new Map<string, number>();
  const turn = counts.get(first) ?? 0;
  asked.set(lent, counts.set(first, turn + 1));
  return (model) => questionFingerprint(model, request, lent.within, turn);
}

function questionFingerprint(
  tool: Asking,
  request: unknown,
  within: string | undefined,
  turn: number,
): string | undefined {
  const { name, version, provider, modelId } = tool;
  const asking = { name, version, provider, modelId, prompt: promptOf(tool), request: rawRequestOf(request) };
  try {
    return fingerprint({ ...asking, within, turn }).slice(0, 12);
  } catch {
    return undefined;
  }
}
