import type { Clock } from "../core/clock.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import { lazily } from "../core/lazily.ts";
import { allowedStores, type ManagedStore, type RunStore, type StoreName } from "./store.ts";

export type { StoreName };

const loadMemory = lazily(() => import("./memory.ts"));
const loadSqlite = lazily(() => import("./sqlite.ts"));
const loadPostgres = lazily(() => import("./postgres.ts"));

export interface OpenStoreOptions {
  /** For `"memory"` and `"sqlite"`. Postgres has its own. Default: that of the store. */
  readonly clock?: Pick<Clock, "now"> | undefined;
}

/**
 * A store by its name, with its default settings; or the store that was given. Only the one that is named is loaded.
 *
 * @throws InvalidOptionsError for anything else
 *
 * @example
 * ```ts
 * const store = await openStore("sqlite");
 * ```
 */
export async function openStore(store: StoreName, options?: OpenStoreOptions): Promise<ManagedStore>;
export async function openStore(store: StoreName | RunStore, options?: OpenStoreOptions): Promise<RunStore>;
export async function openStore(store: StoreName | RunStore, options: OpenStoreOptions = {}): Promise<RunStore> {
  if (store === "memory") return new (await loadMemory()).MemoryStore(options);
  if (store === "sqlite") return new (await loadSqlite()).SqliteStore(options);
  if (store === "postgres") return new (await loadPostgres()).PostgresStore();
  if (typeof (store as RunStore | undefined)?.claim === "function") return store;
  throw new InvalidOptionsError([{ path: "store", given: store, allowed: allowedStores }]);
}
