import type { EvidenceBundle, EvidenceContent } from "../../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import { givenRequest, runtimeOf } from "../../contract/call.ts";
import { consequencesOf } from "../../contract/error-category.ts";
import { PartialResult } from "../../contract/partial-result.ts";
import type { ToolContext } from "../../contract/tool.ts";
import { fingerprint } from "../../core/canonical.ts";
import { seededRandom } from "../../core/random.ts";
import { FieldResampling, resolveBundleSchema } from "./answer-rules.ts";
import type { BundleWork } from "./bundle-stage.ts";
import type { BundleTool } from "./bundle-tool.ts";
import { journalQuestions } from "./journal.ts";
import type { Failure, Schedule } from "./replicate-scheduler.ts";
import type { CheckedBundleOptions, ReplicateSource } from "./replicate-source.ts";
import { runStages } from "./run-stages.ts";
import { runtimeFor } from "./tool-runtime.ts";
import { executeWholeBundle } from "./whole-bundle.ts";

/**
 * Asks for replicates until the answer is settled, and gives the evidence bundle of them. Where the answers of a model
 * stay too uncertain, and `escalate` names a stronger one, that one is asked instead; the summary is then of the last
 * model that has a valid answer, and the bundle keeps all.
 *
 * @throws PartialResult with the bundle, where budget, deadline, cancellation or failures ended it before that
 */
export function runBundle<Input, T>(
  tool: ReplicateSource<Input, T>,
  request: Input,
  options: ResolvedBundleOptions,
  context: ToolContext,
): Promise<EvidenceBundle<T>> {
  const bundle = makeBundle(tool, request, options, context);
  runtimeOf(context)?.onBundle?.(tool, bundle);
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
  const runtime = runtimeFor(context, options.globalBudget);
  const work: BundleWork<Input> = { request, options, schema, resampling, context, runtime, questionFor };
  const { evidenceBundle, schedule, isAnswered } = await runStages(tool, work, startedMs);
  const failure = schedule.halt ?? (isAnswered ? undefined : schedule.failures[0]);
  if (failure) throw incomplete(tool.name, evidenceBundle, causeOf(failure, schedule));
  return evidenceBundle;
}

/** An open circuit is what follows from failures; where they are this bundle's own, the first of them is the cause. */
function causeOf(failure: Failure, { failures }: Schedule): Failure {
  if (failure.facts.category !== "circuit_open") return failure;
  return failures.find(({ facts }) => consequencesOf(facts.category).breaker !== "neutral") ?? failure;
}

function incomplete(toolName: string, evidenceBundle: EvidenceBundle, { error, facts }: Failure): PartialResult {
  return new PartialResult({
    content: { evidenceBundle },
    isUsable: evidenceBundle.summary.validCount > 0,
    failures: { [toolName]: facts },
    cause: error,
  });
}

/**
 * Gives every replicate its seed, asks the tool for its bundle, and reports it.
 *
 * @param runsWhole whether the tool has an `executeBundle` of its own, which is then guarded as one call
 */
export async function executeBundleTool<Input, T>(
  tool: BundleTool<Input, T>,
  runsWhole: boolean,
  request: Input,
  checked: CheckedBundleOptions,
  context: ToolContext,
): Promise<EvidenceContent<T>> {
  const seeds = checked.seeds ?? deriveSeeds(tool.name, givenRequest(context, request), checked.k);
  const options = { ...checked, seeds } as ResolvedBundleOptions;
  try {
    const evidenceBundle = runsWhole
      ? await executeWholeBundle(tool, request, options, context)
      : await tool.executeBundle(request, options, context);
    context.events.emit("bundle_ready", { evidenceBundle });
    return { evidenceBundle };
  } catch (error) {
    if (error instanceof PartialResult && error.isUsable)
      context.events.emit("bundle_ready", error.content as EvidenceContent);
    throw error;
  }
}

/** Providers take seeds as 32-bit signed integers. */
const seedLimit = 2 ** 31;

/**
 * A seed for each of `k` replicates that depends on the tool and the caller's request alone, so that the same question is
 * asked with the same seeds wherever and whenever it is asked.
 */
export function deriveSeeds(toolName: string, request: unknown, k: number): number[] {
  const random = seededRandom(startFor(toolName, request));
  const seeds = new Set<number>();
  while (seeds.size < k) seeds.add(Math.floor(random.next() * seedLimit));
  return [...seeds];
}

function startFor(toolName: string, request: unknown): number {
  try {
    return Number.parseInt(fingerprint({ toolName, request }).slice(0, 8), 16);
  } catch {
    // A request with functions or BigInt in it has no canonical form; the tool's name still tells tools apart.
    return Number.parseInt(fingerprint(toolName).slice(0, 8), 16);
  }
}
