export { SqliteStore, type SqliteStoreOptions } from "../store/sqlite.ts";
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
