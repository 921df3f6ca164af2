export { SqliteStore, type SqliteStoreOptions } from "../store/sqlite.ts";
