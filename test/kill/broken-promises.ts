import { usagePerAnswer } from "../support/counting-provider.ts";
import { answers, type Ending, leaseMs, type Resumption } from "./kill-and-resume.ts";

/** Longest wait for a key on top of the lease that a dead process left: the pause between two claims, and the claim. */
const claimMs = 2000;

/** Time of a run on top of the wait for its key. */
const workMs = 3000;

/** The longest pause before a run asks a store again that was away, and then again for a claim that it is unsure of. */
const pausesMs = 2500;

/** What was promised of a resumed key and did not come true, a sentence each. */
export function brokenPromises(resumption: Resumption): readonly string[] {
  const { key, death, end, ending } = resumption;
  if (end !== "SIGKILL") return [`${key}: its process was to be killed ${death.point}, and ended with ${end}`];
  if (!ending) return [`${key}: nothing came of it after the restart`];
  const faults = [...faultsInDeath(resumption), ...faultsInCalls(resumption), ...faultsInOutput(resumption, ending)];
  const { awayMs, providerStoodStillMs } = resumption;
  const waitMs = ending.hasWaited ? awayMs + pausesMs : awayMs;
  const passed = ending.passed.join("; ");
  const { claimed } = ending;
  if (claimed && claimed.afterMs > leaseMs + waitMs + claimMs + claimed.stoodStillMs)
    faults.push(`its key was held for ${Math.round(claimed.afterMs)} ms, ${busy(claimed.stoodStillMs)}: ${passed}`);
  const busyMs = ending.stoodStillMs + providerStoodStillMs;
  if (ending.elapsedMs > leaseMs + waitMs + workMs + busyMs)
    faults.push(`it was stuck for ${Math.round(ending.elapsedMs)} ms, ${busy(busyMs)}: ${passed}`);
  return faults.map((fault) => `${key}: ${fault}`);
}

function busy(ms: number): string {
  return `of which the machine was busy for ${Math.round(ms)} ms`;
}

/** The process died where it was meant to. */
function* faultsInDeath({ death: { point, passing }, left, calledBefore }: Resumption): Generator<string> {
  const journaled = left?.replicates.length ?? 0;
  const isSettled = left?.state === "settled";
  if (isSettled !== (point === "after settle")) yield `it was ${left?.state} when its process was dead`;
  if (point === "after claim" && calledBefore.length > 0) yield "calls were made before it was claimed";
  if (point === "after journal" && journaled < passing) yield `${journaled} answers were journaled, not ${passing}`;
  if (point === "mid-stream" && (calledBefore.length === 0 || journaled === answers)) yield "no stream was cut";
  if (point === "after call" && (calledBefore.length < passing || journaled === answers)) yield "no answer was lost";
}

/** What is journaled is not called for again, and all else is, once. */
function* faultsInCalls({ left, calledBefore, calledAfter, ending }: Resumption): Generator<string> {
  const done = new Set((left?.state === "settled" ? replicatesOf(ending) : left?.replicates)?.map(({ seed }) => seed));
  const missing = replicatesOf(ending).filter(({ seed }) => !done.has(seed));
  if (calledAfter.some((seed) => done.has(seed))) yield `journaled ${[...done]}, and called again for ${calledAfter}`;
  if (calledAfter.length !== missing.length) yield `${missing.length} answers were missing, called for ${calledAfter}`;
  if (new Set(calledBefore).size !== calledBefore.length) yield `called twice for an answer: ${calledBefore}`;
}

/** Every answer is there, at its place, and counted once: as paid for now, or as journaled. */
function* faultsInOutput({ left, calledAfter }: Resumption, { key, output }: Ending): Generator<string> {
  const replicates = output.status === "completed" ? output.content.evidenceBundle.replicates : [];
  const isWhole = ({ valid, data, seed }: (typeof replicates)[number]) => {
    const answer = data as { key: string; seed: number };
    return valid && answer.key === key && answer.seed === seed;
  };
  if (replicates.length !== answers || !replicates.every(isWhole)) yield `not whole: ${JSON.stringify(output)}`;
  const isReplayed = output.metadata.replayed === true;
  if (isReplayed !== (left?.state === "settled")) yield isReplayed ? "replayed what had not ended" : "not replayed";
  if (isReplayed) return;
  const paid = calledAfter.length * usagePerAnswer.inputTokens;
  const journaled = (left?.replicates.length ?? 0) * usagePerAnswer.inputTokens;
  if (output.usage.inputTokens !== paid) yield `paid for ${paid} tokens, reported ${output.usage.inputTokens}`;
  const reported = output.metadata.journaledUsage?.inputTokens ?? 0;
  if (reported !== journaled) yield `${journaled} tokens were journaled, reported ${reported}`;
}

function replicatesOf(ending: Ending | undefined): readonly { readonly seed: number }[] {
  return ending?.output.status === "completed" ? ending.output.content.evidenceBundle.replicates : [];
}
