export { assertSameJob, jobIdOf } from "./queue/engine-rules.ts";
export {
  createFleet,
  type Fleet,
  type FleetSettings,
  type FleetWorkOptions,
  type SubmitParams,
  type WaitOptions,
} from "./queue/fleet.ts";
export { MemoryQueue } from "./queue/memory-queue.ts";
export { type JobControl, runJob } from "./queue/run-job.ts";
export type {
  DeadJob,
  Disposition,
  EnqueueOptions,
  JobHandler,
  QueuedJob,
  QueuedTool,
  QueueStats,
  QueueWorker,
  RunJob,
  RunQueue,
  ToolQueueStats,
  WorkOptions,
} from "./queue/run-queue.ts";
