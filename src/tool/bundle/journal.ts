import type { Replicate } from "../../contract/bundle.ts";
import { givenRequest, type ReplicateJournal, type ReplicatePlace, runtimeOf } from "../../contract/call.ts";
import type { ToolContext } from "../../contract/tool.ts";
import { fingerprint } from "../../core/canonical.ts";
import type { JSONSchema } from "../../core/json.ts";
import { type AnswerRules, checkAnswer } from "./answer-rules.ts";
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
  return (model) => questionFingerprint(model, given, within, turn);
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

/**
 * Job: take from a run's journal what can still be used, and put into it what was paid for.
 * Boundary: knows schemas; whose replicate it is, the journal knows.
 * Invariants:
 * 1. Nothing is taken that does not fit the schema in force: the tool may be another one by now.
 * 2. Data that its schema has transformed need not fit that schema any more; it is taken where the schema is the same.
 */

/** A replicate as the journal has it. */
type JournaledReplicate = Replicate & {
  /** The fingerprint of the schema that has made the data into what does not fit it. */
  readonly transformedBy?: string | undefined;
};

export async function findJournaled(
  journal: ReplicateJournal,
  place: ReplicatePlace,
  rules: AnswerRules,
): Promise<Replicate | undefined> {
  const found: JournaledReplicate | undefined = await journal.find(place, (replicate) => isUsable(replicate, rules));
  if (!found) return undefined;
  const { transformedBy, ...replicate } = found;
  return replicate;
}

export async function journalReplicate(
  journal: ReplicateJournal,
  place: ReplicatePlace,
  rules: AnswerRules,
  replicate: Replicate,
): Promise<void> {
  const transformedBy = (await fits(replicate, rules)) ? undefined : fingerprintOf(rules);
  const journaled: JournaledReplicate = transformedBy === undefined ? replicate : { ...replicate, transformedBy };
  await journal.append(place, journaled);
}

async function isUsable(replicate: JournaledReplicate, rules: AnswerRules): Promise<boolean> {
  const { transformedBy } = replicate;
  return (transformedBy !== undefined && transformedBy === fingerprintOf(rules)) || fits(replicate, rules);
}

/** A schema that throws is asked again where that is handled: with a new answer. */
function fits({ data, fields }: Replicate, rules: AnswerRules): Promise<boolean> {
  return checkAnswer(rules, data, fields).then(
    ({ ok }) => ok,
    () => false,
  );
}

function fingerprintOf({ schema }: AnswerRules): string | undefined {
  return schema && schemaFingerprint(schema.jsonSchema);
}

/** A tool asks under one schema again and again. */
const known = new WeakMap<JSONSchema, string | undefined>();

/** What tells schemas apart; `undefined` for one that has no canonical form, with an infinite limit in it for example. */
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
