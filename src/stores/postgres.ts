export { PostgresStore, type PostgresStoreOptions } from "../store/postgres.ts";
export type { PostgresClient } from "../store/postgres-connection.ts";
