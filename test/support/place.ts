import { PostgresStore } from "../../src/store/postgres.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import type { ManagedStore } from "../../src/store/store.ts";

/** Where the data of a store is, in a form that one process can hand to another. */
export type Place = { readonly path: string; readonly busyTimeoutMs?: number } | { readonly url: string };

export function openAt(place: Place): ManagedStore {
  return "path" in place ? new SqliteStore(place) : new PostgresStore({ connectionString: place.url });
}

/** What the parent process wants, and a way to answer it. */
export function task<T>(): T {
  return JSON.parse(process.argv[2] ?? "null") as T;
}

/** Resolves when the parent says so, so that several processes can start at the same time. */
export function starter(): Promise<void> {
  process.send?.("ready");
  return new Promise((resolve) => process.once("message", () => resolve()));
}
