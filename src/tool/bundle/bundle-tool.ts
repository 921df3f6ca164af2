import type { EvidenceBundle, EvidenceContent, ReplicateResult, ReplicateSpec } from "../../contract/bundle.ts";
import { withoutDistances } from "../../contract/bundle-json.ts";
import type { BundleToolOptions, CompareOptions, ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import { markSelfGuarding, runtimeOf } from "../../contract/call.ts";
import { enclosingWork } from "../../contract/enclosing-work.ts";
import type { EvidenceSource, LanguageModelLike } from "../../contract/model.ts";
import { type ReplicateContext, Tool, type ToolContext } from "../../contract/tool.ts";
import { InvalidOptionsError } from "../../core/errors.ts";
import { lazily } from "../../core/lazily.ts";
import { amountsOf, type CheckedBundleOptions, type ReplicateBound, resolveBundleOptions } from "./replicate-source.ts";

const loadRunBundle = lazily(() => import("./run-bundle.ts"));
const loadAnswers = lazily(() => import("./answers.ts"));

export interface BundleTool<Input, T> {
  /** True for every bundle tool: listings and planners read it. */
  readonly supportsBundle: true;
  /** The model that is asked, where it is known before it answers. */
  readonly modelId?: string | undefined;
  /** True where `executeReplicate` heeds `replicate.fields`, for the option `resample: "fields"`. */
  readonly asksForFields?: boolean | undefined;
  /** Returns the same tool over another model, for the option `escalate`. */
  withModel?(model: string | LanguageModelLike): BundleTool<Input, T>;
}

/**
 * Tool that asks up to K times and gives an evidence bundle.
 *
 * Implement `executeReplicate`, one answer for one seed: the base class schedules, validates, retries, stops early,
 * summarises and reports. Or override `executeBundle` and do all of that yourself; it is then guarded as one call.
 *
 * @typeParam Input the request
 * @typeParam T one answer
 *
 * @example
 * ```ts
 * class Vote extends BundleTool<{ question: string }, { yes: boolean }> {
 *   readonly name = "vote";
 *   override async executeReplicate({ question }: { question: string }, { seed }: ReplicateSpec, { signal }: ToolContext) {
 *     return { data: await ask(question, seed, signal) };
 *   }
 * }
 * ```
 */
export abstract class BundleTool<Input = unknown, T = unknown> extends Tool<
  Input,
  EvidenceContent<T>,
  BundleToolOptions
> {
  /** Origin of the answers. Override it for a tool that does not ask a live model. */
  get source(): EvidenceSource {
    return "live";
  }

  /** True where a subclass implements a way to get answers. */
  get canRun(): boolean {
    return this.runsWholeBundle || this.executeReplicate !== BundleTool.prototype.executeReplicate;
  }

  private get runsWholeBundle(): boolean {
    return this.executeBundle !== BundleTool.prototype.executeBundle;
  }

  override resolveOptions(given: Partial<BundleToolOptions> | undefined): BundleToolOptions {
    const resolved = resolveBundleOptions(given, this.defaultOptions);
    const { escalate, resample } = resolved;
    if (escalate && !this.withModel) {
      const allowed = `nothing: "${this.name}" cannot ask another model; a PromptBundleTool can`;
      throw new InvalidOptionsError([{ path: "toolOptions.escalate", given: escalate, allowed }]);
    }
    if (resample === "fields" && !this.asksForFields) {
      const allowed = `"objects": "${this.name}" gives whole answers only; a PromptBundleTool, or a tool with asksForFields, can be asked for fields`;
      throw new InvalidOptionsError([{ path: "toolOptions.resample", given: resample, allowed }]);
    }
    return resolved;
  }

  /** Makes the bundle, reports it, and returns it as the content. */
  execute(request: Input, options: BundleToolOptions, context: ToolContext): Promise<EvidenceContent<T>> {
    const content = contentOf(this, this.runsWholeBundle, request, options, context);
    const around = enclosingWork();
    if (around && around !== "over") around.quiet(content);
    return content;
  }

  /** Sends the answers of a bundle that was kept as JSON through the schema again. */
  override async restoreContent(
    { evidenceBundle }: EvidenceContent<T>,
    options: Partial<BundleToolOptions> | undefined,
  ): Promise<EvidenceContent<T>> {
    const { restoreBundle, resolveAnswers } = await loadAnswers();
    const resolved = { seeds: [], ...this.resolveOptions(options) } as unknown as ResolvedBundleOptions;
    return {
      evidenceBundle: (await restoreBundle(await resolveAnswers(resolved), evidenceBundle)) as EvidenceBundle<T>,
    };
  }

  /** Leaves out the distances, whose number grows with the square of the replicates, where the answers alone decide them. */
  override contentToKeep(
    content: EvidenceContent<T>,
    options: Partial<BundleToolOptions> | undefined,
  ): EvidenceContent<T> {
    const { evidenceBundle } = content;
    if (this.runsWholeBundle || asksAboutTexts(this.resolveOptions(options).compare)) return content;
    return { evidenceBundle: withoutDistances(evidenceBundle) };
  }

  /**
   * Gets one answer for one seed. A rejection is retried or not as its error says. The answer's `data` goes through the
   * schema afterwards.
   */
  executeReplicate(
    _request: Input,
    _replicate: ReplicateSpec,
    _context: ReplicateContext,
  ): Promise<ReplicateResult<T>> {
    return Promise.reject(
      new TypeError(`The bundle tool "${this.name}" implements neither executeReplicate nor executeBundle`),
    );
  }

  /**
   * Returns a function that gives the most one replicate may use. It is called once for each bundle, before its first call,
   * and budgets reserve by it. Default: `estimate`, else `perReplicateBudget`.
   */
  async boundReplicates(
    request: Input,
    options: ResolvedBundleOptions,
    _context: ToolContext,
  ): Promise<ReplicateBound> {
    return () => this.estimate?.(request, options) ?? amountsOf(options.perReplicateBudget);
  }

  /** Gets all answers, and makes the bundle of them. */
  async executeBundle(
    request: Input,
    options: ResolvedBundleOptions,
    context: ToolContext,
  ): Promise<EvidenceBundle<T>> {
    return (await loadRunBundle()).runBundle(this, request, options, context);
  }
}

/** Returns true where a function or a judge says which texts are the same: the answers alone do not say it again. */
function asksAboutTexts(compare: CompareOptions | undefined): boolean {
  const rules = [compare, ...Object.values(compare?.byPath ?? {})];
  return rules.some((rule) => rule?.similarity !== undefined || rule?.judge !== undefined);
}

async function contentOf<Input, T>(
  tool: BundleTool<Input, T>,
  runsWhole: boolean,
  request: Input,
  options: BundleToolOptions,
  context: ToolContext,
): Promise<EvidenceContent<T>> {
  const resolved = runtimeOf(context)?.resolved;
  const isResolved = resolved?.tool === tool && resolved.options === options;
  const checked = (isResolved ? options : tool.resolveOptions(options)) as CheckedBundleOptions;
  const { executeBundleTool } = await loadRunBundle();
  return executeBundleTool(tool, runsWhole, request, checked, context);
}

// On the prototype, so that a subclass's field, getter or assignment is never shadowed.
Object.assign(BundleTool.prototype, { supportsBundle: true });
markSelfGuarding(BundleTool.prototype);
