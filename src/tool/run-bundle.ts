import type { EvidenceBundle } from "../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../contract/bundle-options.ts";
import { lentWith } from "../contract/call.ts";
import { Incomplete } from "../contract/incomplete.ts";
import type { ToolContext } from "../contract/tool.ts";
import { lentFor } from "./attempt-context.ts";
import { resolveBundleSchema } from "./bundle-schema.ts";
import type { BundleWork } from "./bundle-stage.ts";
import { FieldResampling } from "./field-resampling.ts";
import { journalQuestions } from "./journal-question.ts";
import type { Failure, Schedule } from "./replicate-scheduler.ts";
import type { ReplicateSource } from "./replicate-source.ts";
import { runStages } from "./run-stages.ts";

/**
 * Asks for replicates until the answer is settled, and gives the evidence bundle of them. Where the answers of a model
 * stay too uncertain, and `escalate` names a stronger one, that one is asked instead; the summary is then of the last
 * model that has a valid answer, and the bundle keeps all.
 *
 * @throws Incomplete with the bundle, where budget, deadline, cancellation or failures ended it before that
 */
export function runBundle<Input, T>(
  tool: ReplicateSource<Input, T>,
  request: Input,
  options: ResolvedBundleOptions,
  context: ToolContext,
): Promise<EvidenceBundle<T>> {
  const bundle = makeBundle(tool, request, options, context);
  lentWith(context)?.onBundle?.(tool, bundle);
  return bundle;
}

async function makeBundle<Input, T>(
  tool: ReplicateSource<Input, T>,
  request: Input,
  given: ResolvedBundleOptions,
  context: ToolContext,
): Promise<EvidenceBundle<T>> {
  const startedMs = context.clock.now();
  const questionFor = journalQuestions(context, tool, request);
  const { schema, options } = await resolveBundleSchema(given);
  const resampling = FieldResampling.of(options, schema);
  const lent = lentFor(context, options.globalBudget);
  const work: BundleWork<Input> = { request, options, schema, resampling, context, lent, questionFor };
  const { evidenceBundle, schedule, isAnswered } = await runStages(tool, work, startedMs);
  const failure = schedule.halt ?? (isAnswered ? undefined : schedule.failures[0]);
  if (failure) throw incomplete(tool.name, evidenceBundle, causeOf(failure, schedule));
  return evidenceBundle;
}

/** What a circuit opens at, or pauses for. */
const failuresOfProviders = new Set(["rate_limit", "overloaded", "server_error", "timeout", "network"]);

/** An open circuit is what follows from failures; where they are this bundle's own, the first of them is the cause. */
function causeOf(failure: Failure, { failures }: Schedule): Failure {
  if (failure.facts.category !== "circuit_open") return failure;
  return failures.find(({ facts }) => failuresOfProviders.has(facts.category ?? "")) ?? failure;
}

function incomplete(toolName: string, evidenceBundle: EvidenceBundle, { error, facts }: Failure): Incomplete {
  return new Incomplete({
    content: { evidenceBundle },
    isUsable: evidenceBundle.summary.validCount > 0,
    failures: { [toolName]: facts },
    cause: error,
  });
}
