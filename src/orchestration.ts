export type { KeptLabel } from "./calibration/calibration-file.ts";
export type { CalibrationKey, JudgedBundle, KeyedBundle } from "./calibration/calibration-key.ts";
export { CalibrationStore, type CalibrationStoreOptions } from "./calibration/calibration-store.ts";
export type { StoredCalibration } from "./calibration/stored-calibration.ts";
export type { AnswerOf, AnswerSchema, JsonSchemaObject } from "./contract/answer-schema.ts";
export type {
  BundleMetadata,
  BundleSummary,
  Disagreement,
  Escalation,
  EvidenceBundle,
  EvidenceContent,
  FieldSummary,
  FieldVote,
  FinishReason,
  GivenReplicate,
  JudgeReport,
  Replicate,
  ReplicateResult,
  ReplicateSpec,
} from "./contract/bundle.ts";
export type {
  BundleOptions,
  BundleToolOptions,
  CompareOptions,
  JudgeOption,
  ResolvedBundleOptions,
  StoppingRuleName,
} from "./contract/bundle-options.ts";
export type { OrchestrationConfig } from "./contract/config.ts";
export {
  type AnyOrchestratorError,
  BudgetExceeded,
  CancelledError,
  ConflictError,
  InvalidOutputError,
  isOrchestratorError,
  JobStoppedError,
  type JobStopReason,
  type PartialRun,
  PlanningError,
  StoreError,
  type StoreFailure,
  type StoreOperation,
  ToolExecutionError,
  ToolNotFoundError,
} from "./contract/errors.ts";
export {
  type EventBase,
  type EventData,
  EventManager,
  type EventType,
  type OrchestrationEvent,
  type ToolEvents,
  type ToolEventType,
} from "./contract/event.ts";
export type {
  EvidenceSource,
  FilePart,
  ImagePart,
  LanguageModelLike,
  ModelName,
  OtherPart,
  PromptFileData,
  PromptMessage,
  TextPart,
} from "./contract/model.ts";
export {
  hasEvidence,
  type OrchestrationOutput,
  type OutputError,
  type OutputMetadata,
  unwrap,
} from "./contract/output.ts";
export type {
  AcceptParams,
  AgentDefinition,
  LabelledAnswer,
  NameOf,
  OrchestrationStream,
  Picked,
  RunManyParams,
  RunOutput,
  RunParams,
} from "./contract/run.ts";
export type { CalibrationSource, Logger, OrchestratorSettings, PriceSource } from "./contract/settings.ts";
export {
  type AnyTool,
  type BudgetView,
  type ContentOf,
  type InputOf,
  type NamedTool,
  type OptionsOf,
  type ReplicateContext,
  Tool,
  type ToolContext,
  type ToolMetadata,
  type ToolRegistry,
} from "./contract/tool.ts";
export type { Budget, CallBound, Spent, Usage } from "./contract/usage.ts";
export type { Clock } from "./core/clock.ts";
export { type ErrorCode, InvalidOptionsError, type OptionIssue, OrchestratorError } from "./core/errors.ts";
export type { JSONObject, JSONSchema, JSONValue } from "./core/json.ts";
export type { Random } from "./core/random.ts";
export type { Accepted } from "./evidence/accept-answers.ts";
export type { AgentDisagreement } from "./orchestrate/agent/agent-answer.ts";
export { type AiSdkAnswer, type AiSdkTool, toAiSdkTool } from "./orchestrate/agent/ai-sdk-tool.ts";
export { toEventStreamResponse } from "./orchestrate/event-stream-response.ts";
export type { FeedbackParams } from "./orchestrate/feedback.ts";
export type { ReviewDecision } from "./orchestrate/key/resolve-review.ts";
export { Orchestrator } from "./orchestrate/orchestrator.ts";
export { ReliableOrchestrator, type ReliableOrchestratorSettings } from "./orchestrate/reliable-orchestrator.ts";
export type { RunManyResult } from "./orchestrate/run-many.ts";
export { type EmbeddingModelLike, embeddingSimilarity } from "./provider/embedding.ts";
export type { ModelAccess } from "./provider/find-model.ts";
export type { ModelPrice } from "./provider/price-table.ts";
export { resolveModel } from "./provider/resolve.ts";
export { type AiSdkResult, type AiSdkUsage, usageOf } from "./provider/usage-of.ts";
export { allowSchemaHost } from "./schema/schema-registry.ts";
export { BundleTool } from "./tool/bundle/bundle-tool.ts";
export { type BundleInput, createEvidenceBundle } from "./tool/bundle/create-evidence-bundle.ts";
export { type AskReplicate, defineBundleTool } from "./tool/bundle/define-bundle-tool.ts";
export type { ReplicateBound } from "./tool/bundle/replicate-source.ts";
export { defineTool, type ToolMeta } from "./tool/define-tool.ts";
export { PromptBundleTool, type PromptBundleToolConstructor } from "./tool/prompt/prompt-bundle-tool.ts";
export type { PromptBundleToolOptions, PromptSettings } from "./tool/prompt/prompt-options.ts";
export type { PromptFiles, PromptVariables } from "./tool/prompt/prompt-template.ts";
export { createRegistry, getGlobalRegistry } from "./tool/registry.ts";
