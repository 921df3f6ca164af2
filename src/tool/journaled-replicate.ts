/**
 * Job: take from a run's journal what can still be used, and put into it what was paid for.
 * Boundary: knows schemas; whose replicate it is, the journal knows.
 * Invariants:
 * 1. Nothing is taken that does not fit the schema in force: the tool may be another one by now.
 * 2. Data that its schema has transformed need not fit that schema any more; it is taken where the schema is the same.
 */
import type { Replicate } from "../contract/bundle.ts";
import type { ReplicateJournal, ReplicatePlace } from "../contract/call.ts";
import { type AnswerRules, checkAnswer } from "./check-answer.ts";
import { schemaFingerprint } from "./schema-fingerprint.ts";

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
