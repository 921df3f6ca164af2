import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Place } from "./place.ts";
import { createTestDatabase, postgresUrl } from "./postgres.ts";

/** An empty place for the data of a test, and how to remove it. */
export interface TestPlace {
  readonly place: Place;
  remove(): Promise<void>;
}

/** The stores that processes can share, as places for the data of a test. */
export const sharedPlaces: readonly { name: string; isMissing: boolean; create(): Promise<TestPlace> }[] = [
  {
    name: "sqlite",
    isMissing: false,
    async create() {
      const folder = mkdtempSync(join(tmpdir(), "steer-test-"));
      return { place: { path: join(folder, "runs.sqlite") }, remove: async () => rmSync(folder, { recursive: true }) };
    },
  },
  {
    name: "postgres",
    isMissing: !postgresUrl,
    async create() {
      const { url, drop } = await createTestDatabase();
      return { place: { url }, remove: drop };
    },
  },
];
