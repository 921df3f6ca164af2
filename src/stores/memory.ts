export { MemoryStore, type MemoryStoreOptions } from "../store/memory.ts";
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
