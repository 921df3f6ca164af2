import { BudgetExceeded, isOrchestratorError, ToolExecutionError } from "../../contract/errors.ts";
import { hasEvidence, type OrchestrationOutput, type OutputError } from "../../contract/output.ts";
import { InvalidOptionsError, messageOf, withoutSecrets } from "../../core/errors.ts";
import type { JSONValue } from "../../core/json.ts";

/** Parts of a bundle that an agent needs, in few tokens. */
export interface BundleAnswer {
  /** The consensus as JSON; `null` without a valid answer. */
  readonly consensus: JSONValue;
  /** Probability that it is right. */
  readonly confidence: number;
  /** Fields on which the answers differ, the most contested first; long values are cut. */
  readonly disagreements: readonly AgentDisagreement[];
  /** Valid answers. */
  readonly votes: number;
  /** US dollars; `null` where a price is not known. */
  readonly costUsd: number | null;
  /** Reason why there are fewer answers than were asked for, or why a person decides. */
  readonly incomplete?: string;
}

/** Field on which answers differ. */
export interface AgentDisagreement {
  /** JSON pointer; `""` is the whole answer. */
  readonly path: string;
  readonly values: readonly { readonly value: JSONValue; readonly support: number }[];
}

/** Parts that an agent needs of a tool that gives no bundle. */
export interface PlainAnswer {
  readonly result: JSONValue;
}

export type AgentAnswer = BundleAnswer | PlainAnswer;

const mostDisagreements = 10;
const mostValues = 3;
const longestValue = 300;

/** Returns what an agent is told of an output that is not `failed`. */
export function toAgentAnswer(output: OrchestrationOutput): AgentAnswer {
  if (!hasEvidence(output)) return { result: asJson(output.content) };
  const { summary } = output.content.evidenceBundle;
  const disagreements = summary.disagreements.slice(0, mostDisagreements).map(({ path, values }) => ({
    path,
    values: values.slice(0, mostValues).map(({ value, support }) => ({ value: cut(asJson(value)), support })),
  }));
  return {
    consensus: summary.consensusJson,
    confidence: roundedDown(summary.confidence),
    disagreements,
    votes: summary.validCount,
    costUsd: output.costUsd,
    ...(output.status === "partial" && { incomplete: incompletenessOf(output) }),
  };
}

/** Four digits are all that an agent can use. None says more than the votes do. */
function roundedDown(confidence: number): number {
  return Math.floor(confidence * 10_000) / 10_000;
}

function incompletenessOf({ errors, content, metadata: { needsReview } }: OrchestrationOutput): string {
  if (needsReview)
    return `A person decides: the confidence is below ${needsReview.below}. The run waits under the key ${needsReview.key}.`;
  const reason = hasReason(content) ? content.evidenceBundle.meta.earlyStopReason : undefined;
  const [fault] = Object.values(errors ?? {});
  return withoutSecrets(fault?.message ?? reason ?? "the run ended before all answers were there");
}

function hasReason(content: unknown): content is { evidenceBundle: { meta: { earlyStopReason?: string } } } {
  return typeof (content as { evidenceBundle?: { meta?: unknown } } | null)?.evidenceBundle?.meta === "object";
}

function asJson(value: unknown): JSONValue {
  const text = JSON.stringify(value, (_key, part) => (typeof part === "bigint" ? String(part) : part));
  return text === undefined ? null : JSON.parse(text);
}

function cut(value: JSONValue): JSONValue {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length <= longestValue ? value : `${text.slice(0, longestValue - 1)}…`;
}

/** Says to an agent why a run has no answer, and what it can do. */
export function adviseAgent(failure: unknown): string {
  if (isFailed(failure)) return Object.entries(failure.errors).map(adviseOnTool).join("\n");
  if (InvalidOptionsError.isInstance(failure)) return adviseOnInput(failure);
  if (BudgetExceeded.isInstance(failure)) return `${failure.message}\n${adviceOnBudget(failure)}`;
  if (isOrchestratorError(failure)) return failure.message;
  return `The tool failed: ${messageOf(failure)}`;
}

/**
 * Returns what an agent is told of an output.
 *
 * @throws ToolExecutionError for a failed output, with what the agent can do, and what was paid
 */
export function answerOrThrow(output: OrchestrationOutput): AgentAnswer {
  if (output.status !== "failed") return toAgentAnswer(output);
  const { usage, costUsd, content, errors, metadata } = output;
  const [toolName, error] = Object.entries(errors).at(-1) ?? [metadata.toolName];
  const facts = Object.assign(new Error(adviseAgent(output)), error, { message: adviseAgent(output) });
  throw new ToolExecutionError(toolName, facts, { cause: facts, partial: { usage, costUsd, content } });
}

function isFailed(failure: unknown): failure is Extract<OrchestrationOutput, { status: "failed" }> {
  return (failure as { status?: unknown } | null | undefined)?.status === "failed";
}

/** All that an agent gives stands in the request; every other option is the operator's. */
function adviseOnInput({ issues, message }: InvalidOptionsError): string {
  const isOfRequest = issues.some(({ path }) => /^request\b/.test(path));
  return isOfRequest
    ? `The arguments cannot be used.\n${message}`
    : `The tool cannot run: ${message}\nOnly the operator of the tool can mend this: tell the user.`;
}

function adviseOnTool([name, { message, category, isRetryable }]: [string, OutputError]): string {
  const advice = isRetryable
    ? "Calling the tool again later may succeed."
    : (adviceByCategory[category ?? ""] ?? "Calling the tool again with the same arguments fails alike.");
  return withoutSecrets(`${name} failed: ${message}\n${advice}`);
}

const adviceByCategory: Readonly<Record<string, string>> = {
  context_length: "Shorten the arguments, or split them over several calls.",
  content_filter: "The provider refused the content. Call it with other arguments.",
  invalid_output: "The model gave no valid answer. Rephrasing the arguments may help.",
  authentication: "Only the operator of the tool can mend this: tell the user.",
  quota_exhausted: "Only the operator of the tool can mend this: tell the user.",
};

function adviceOnBudget({ budgetType }: BudgetExceeded): string {
  return budgetType === "timeMs"
    ? "Calling the tool again may succeed; the operator of the tool sets its time."
    : "Shorten the arguments, or tell the user: the operator of the tool sets its budget.";
}
