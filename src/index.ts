export { SteerLLMClient } from "./orchestrate/client.ts";
export * from "./orchestration.ts";
