export type { BundleSummary, ConfidenceBasis, Disagreement, FieldSummary, FieldVote } from "./contract/bundle.ts";
export type { CompareOptions, JudgeOption, StoppingRuleName } from "./contract/bundle-options.ts";
export {
  type Accepted,
  type AcceptedAnswers,
  type AcceptOptions,
  acceptAnswers,
  type DrawnLabel,
  type LabelDraw,
} from "./evidence/accept-answers.ts";
export {
  type AcceptanceScores,
  type AcceptanceSignal,
  type AcceptanceSignals,
  acceptanceWeights,
  scoreAcceptance,
} from "./evidence/acceptance-score.ts";
export {
  type Calibration,
  type CalibrationData,
  type ConfidenceSignals,
  calibrationError,
  calibrationFromJSON,
  fewestLabels,
  fitCalibration,
  type JudgedConfidence,
  type LabelledSummary,
} from "./evidence/calibration.ts";
export { type Certificate, type CertifyOptions, certify, labelsNeeded } from "./evidence/certify.ts";
export { pairwiseDistance } from "./evidence/distance.ts";
export {
  createJobCalibration,
  type FieldVotesData,
  type GroupSizes,
  type JobCalibration,
  type JobCalibrationData,
  type JobCalibrationOptions,
  type JobNumbers,
  type JobVotes,
} from "./evidence/job-calibration.ts";
export {
  type BuyableSignal,
  guessThreshold,
  type Purchase,
  type PurchaseCandidate,
  type PurchaseOptions,
  rankPurchases,
} from "./evidence/rank-purchases.ts";
export { resolveSimilarity } from "./evidence/resolve-similarity.ts";
export { groupAnswers, sameAnswer } from "./evidence/same-answer.ts";
export { choicesFromSchema, compareFromSchema } from "./evidence/schema-hints.ts";
export {
  createStoppingRule,
  type StoppingRule,
  type StoppingRuleOptions,
  type StoppingVerdict,
} from "./evidence/stopping.ts";
export { type SummarizedReplicate, type SummaryOptions, summarize } from "./evidence/summary.ts";
export { clusterTexts, normalizeText, type TextClusters, textSimilarity } from "./evidence/text.ts";
export { type PrecisionWatch, type WatchOptions, watchPrecision } from "./evidence/watch-precision.ts";
