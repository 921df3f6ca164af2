import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { PostgresStore } from "../../src/store/postgres.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import type { ManagedStore } from "../../src/store/store.ts";
import type { Place } from "../support/place.ts";
import { createTestDatabase, postgresUrl } from "../support/postgres.ts";
import { assertConfirmed, type Fact, readFacts, startWriter } from "./confirmed.ts";

/** Data that processes share, and a store on it whose time runs ahead by what `passTime` says. */
interface Shared {
  readonly place: Place;
  open(): ManagedStore;
  passTime(ms: number): Promise<void>;
  remove(): Promise<void>;
}

const kinds: Record<string, () => Promise<Shared>> = {
  sqlite: async () => {
    const folder = mkdtempSync(join(tmpdir(), "steer-store-"));
    const path = join(folder, "runs.sqlite");
    let aheadMs = 0;
    return {
      place: { path },
      open: () => new SqliteStore({ path, clock: { now: () => Date.now() + aheadMs } }),
      async passTime(ms) {
        aheadMs += ms;
      },
      remove: async () => rmSync(folder, { recursive: true }),
    };
  },
  postgres: async () => {
    const database = await createTestDatabase();
    return {
      place: { url: database.url },
      open: () => new PostgresStore({ connectionString: database.url }),
      passTime: async (ms) =>
        void (await database.execute(`UPDATE steer_run SET lease_ends_ms = lease_ends_ms - ${ms}`)),
      remove: database.drop,
    };
  },
};

const racer = join(import.meta.dirname, "programs", "racer.ts");
const keys = Array.from({ length: 200 }, (_, index) => `key-${index}`);

for (const [kind, share] of Object.entries(kinds)) {
  describe.skipIf(kind === "postgres" && !postgresUrl)(`several processes on one ${kind} store`, () => {
    let shared: Shared;
    afterEach(() => shared.remove());

    test("of six that open a store that is not there yet and claim the same keys, one wins each", async () => {
      shared = await share();
      const results = await race(shared.place, 6);
      expect(results.flatMap(({ won }) => won).sort()).toEqual([...keys].sort());

      const store = shared.open();
      for (const { name, won } of results)
        for (const key of won) expect((await store.show(key))?.output?.content).toBe(name);
      expect(await store.verify()).toEqual([]);
      await store.close();
    });

    test.each([1, 2, 3, 4, 5])("a writer that is killed loses nothing that was confirmed (%i)", async (round) => {
      shared = await share();
      const writer = startWriter(shared.place, { leaseMs: 60_000 });
      const facts: Fact[] = [];
      for await (const fact of readFacts(writer)) {
        facts.push(fact);
        if (facts.length === round * 37) writer.kill("SIGKILL");
      }
      const store = shared.open();
      await assertConfirmed(store, facts);
      expect(await store.verify()).toEqual([]);
      await store.close();
    });

    test("a key of a killed process is taken over once its lease has run out, and not before", async () => {
      shared = await share();
      const writer = startWriter(shared.place, { leaseMs: 60_000 });
      const facts: Fact[] = [];
      for await (const fact of readFacts(writer)) {
        facts.push(fact);
        if ("journaled" in fact && fact.journaled === "0-2") writer.kill("SIGKILL");
      }
      const store = shared.open();
      const claimant = { leaseMs: 1_000, owner: "heir" };
      expect((await store.claim("0-2", "fingerprint", claimant)).state).toBe("running");
      await shared.passTime(60_001);
      const claim = await store.claim("0-2", "fingerprint", claimant);
      expect(claim.state === "won" && claim.replicates.length).toBeGreaterThan(0);
      await store.close();
    });
  });
}

/** Lets processes claim the same keys at the same time. */
async function race(place: Place, count: number): Promise<{ name: string; won: string[] }[]> {
  const racers = Array.from({ length: count }, (_, index) =>
    fork(racer, [JSON.stringify({ place, keys, name: `racer-${index}` })], { execArgv: ["--no-warnings"] }),
  );
  await Promise.all(racers.map((child) => once(child, "message")));
  const results = racers.map(resultOf);
  for (const child of racers) child.send("go");
  return Promise.all(results);
}

async function resultOf(child: ChildProcess): Promise<{ name: string; won: string[] }> {
  const [[result]] = await Promise.all([once(child, "message"), once(child, "exit")]);
  return result;
}
