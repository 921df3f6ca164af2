export { seededRandom } from "./core/random.ts";
export { createFakeClock, type FakeClock } from "./testing/fake-clock.ts";
export { type ErrorFaultKind, type FaultKind, faultKinds } from "./testing/faults.ts";
export { type FaultOptions, type FaultyModel, injectFaults } from "./testing/inject-faults.ts";
export { HttpFailure, type ScriptedAnswer, type ScriptedUsage } from "./testing/scripted-answer.ts";
export {
  type RecordedCall,
  type Script,
  type ScriptedCall,
  type ScriptedModel,
  type ScriptedModelOptions,
  scriptedModel,
} from "./testing/scripted-model.ts";
export { type ScriptedTool, scriptedTool } from "./testing/scripted-tool.ts";
export {
  type StoreConformanceOptions,
  type StoreUnderTest,
  storeAdministrationConformance,
  storeConformance,
} from "./testing/store-conformance.ts";
