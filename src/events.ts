export type {
  EventLog,
  LogBatch,
  LogFilter,
  LoggedRun,
  LoggedRunDetails,
  LoggedStatus,
  LogPage,
  NewLoggedRun,
  OpenedRun,
  RunFacts,
} from "./store/log/event-log.ts";
export { loggedStatuses } from "./store/log/event-log.ts";
export { MemoryEventLog, type MemoryEventLogOptions } from "./store/log/memory-log.ts";
export { PostgresEventLog, type PostgresEventLogOptions } from "./store/log/postgres-log.ts";
export { SqliteEventLog, type SqliteEventLogOptions } from "./store/log/sqlite-log.ts";
export { type LoggedRunStream, type StreamRunOptions, streamRun } from "./store/log/stream-run.ts";
