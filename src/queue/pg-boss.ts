export { type PgBossQueueOptions, pgBossQueue } from "./boss/pg-boss-queue.ts";
