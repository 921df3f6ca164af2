export type {
  BundleSummary,
  CompareOptions,
  Disagreement,
  FieldSummary,
  StoppingRuleName,
} from "./contract/bundle.ts";
export { pairwiseDistance } from "./evidence/distance.ts";
export { compareFromSchema } from "./evidence/schema-hints.ts";
export {
  createStoppingRule,
  type StoppingRule,
  type StoppingRuleOptions,
  type StoppingVerdict,
} from "./evidence/stopping.ts";
export { type SummarizedReplicate, type SummaryOptions, summarize } from "./evidence/summary.ts";
