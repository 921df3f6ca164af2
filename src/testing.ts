export { seededRandom } from "./core/random.ts";
export {
  type EventLogConformanceOptions,
  type EventLogUnderTest,
  eventLogConformance,
} from "./testing/event-log-conformance.ts";
export { createFakeClock, type FakeClock } from "./testing/fake-clock.ts";
export {
  type ErrorFaultKind,
  type FaultKind,
  type FaultOptions,
  type FaultyModel,
  faultKinds,
  injectFaults,
} from "./testing/faults.ts";
export { type QueueConformanceOptions, type QueueUnderTest, queueConformance } from "./testing/queue-conformance.ts";
export { type ScriptedJudgeOptions, scriptedJudge } from "./testing/scripted-judge.ts";
export {
  HttpFailure,
  type RecordedCall,
  type Script,
  type ScriptedAnswer,
  type ScriptedCall,
  type ScriptedModel,
  type ScriptedModelOptions,
  type ScriptedUsage,
  scriptedModel,
} from "./testing/scripted-model.ts";
export { type ScriptedTool, scriptedTool } from "./testing/scripted-tool.ts";
export {
  type StoreConformanceOptions,
  type StoreUnderTest,
  storeAdministrationConformance,
  storeConformance,
} from "./testing/store-conformance.ts";
