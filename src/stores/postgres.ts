export { PostgresStore, type PostgresStoreOptions } from "../store/postgres.ts";
export type { PostgresClient } from "../store/postgres-connection.ts";
export type {
  Claim,
  ClaimOptions,
  FencingToken,
  ListOptions,
  ManagedStore,
  RunDetails,
  RunRecord,
  RunState,
  RunStore,
  SettledRun,
  StoreAdministration,
} from "../store/store.ts";
