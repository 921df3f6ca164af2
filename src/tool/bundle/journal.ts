import { givenRequest, runtimeOf } from "../../contract/call.ts";
import type { ToolContext } from "../../contract/tool.ts";
import { fingerprint } from "../../core/canonical.ts";
import type { JSONSchema } from "../../core/json.ts";
import type { ReplicateSource } from "./replicate-source.ts";

/**
 * Job: tell the questions of a run apart, so that its journal gives none the answers to another.
 * Boundary: whether what is found there can still be used is the schema's to say.
 * Invariants:
 * 1. The same question has the same fingerprint in every run of a key, also where a schema fills in the time, or a
 *    function the prompt.
 * 2. Asked twice by one attempt it is two questions, and they are the same two when the attempt is made again.
 */

/** Facts that identify a tool in the journal. */
type Asking = Pick<ReplicateSource<any, any>, "name" | "version" | "provider" | "modelId" | "promptIdentity">;

/**
 * Returns the fingerprint of what one bundle asks of each of its models. It is `undefined` where nothing is journaled:
 * without a key, and for a request without a canonical form, which cannot be told from another.
 */
export function journalQuestions(
  context: ToolContext,
  tool: Asking,
  request: unknown,
): (model: Asking) => string | undefined {
  const { journal, within, timesAsked } = runtimeOf(context) ?? {};
  if (!journal) return () => undefined;
  const given = givenRequest(context, request);
  const first = questionFingerprint(tool, given, within, 0);
  if (first === undefined) return () => undefined;
  const turn = timesAsked?.get(first) ?? 0;
  timesAsked?.set(first, turn + 1);
  return (model) => (model === tool && turn === 0 ? first : questionFingerprint(model, given, within, turn));
}

function questionFingerprint(
  { name, version, provider, modelId, promptIdentity: prompt }: Asking,
  request: unknown,
  within: string | undefined,
  turn: number,
): string | undefined {
  try {
    return fingerprint({ name, version, provider, modelId, prompt, request, within, turn }).slice(0, 12);
  } catch {
    return undefined;
  }
}

/** Kept by schema: a tool asks under one schema again and again. */
const known = new WeakMap<JSONSchema, string | undefined>();

/** Returns the fingerprint of a schema; `undefined` for one without a canonical form: with an infinite limit, say. */
export function schemaFingerprint(schema: JSONSchema): string | undefined {
  if (!known.has(schema)) known.set(schema, tryFingerprint(schema));
  return known.get(schema);
}

function tryFingerprint(schema: JSONSchema): string | undefined {
  try {
    return fingerprint(schema);
  } catch {
    return undefined;
  }
}
