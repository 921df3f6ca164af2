import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { startOwnPostgres } from "../../scripts/postgres.ts";
import { openAt, type Place } from "../support/place.ts";
import { sharedPlaces, type TestPlace } from "../support/shared-places.ts";
import { locking, restarting } from "./blinks.ts";
import { brokenPromises } from "./broken-promises.ts";
import { type KillPoint, killPoints } from "./death.ts";
import { type Blink, killAndResume } from "./kill-and-resume.ts";

const rounds = 10;
const server = await startOwnPostgres();

for (const { name, isMissing, create } of sharedPlaces) {
  describe.skipIf(isMissing)(`killed with its keys in ${name}`, () => {
    let data: TestPlace;
    beforeEach(async () => {
      data = await create();
    });
    afterEach(() => data.remove());

    test.each(killPoints)(
      "%s: no journaled answer is called for again, no key outlives its lease, and the output is whole",
      async (point) => {
        const resumptions = await killAndResume(data.place, point, rounds);
        expect(resumptions.flatMap(brokenPromises)).toEqual([]);
        const store = openAt(data.place);
        expect(await store.verify()).toEqual([]);
        await store.close();
      },
    );
  });
}

describe("killed, and resumed by a process whose store goes away for longer than a lease", () => {
  const folder = mkdtempSync(join(tmpdir(), "steer-kill-"));
  const path = join(folder, "runs.sqlite");
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await server?.stop();
  });

  test.each(killPoints)("%s: a SQLite file that is locked costs no answer and no run", async (point) => {
    await expectNothingLost({ path, busyTimeoutMs: 100 }, point, locking(path));
  });

  test.skipIf(!server).each(killPoints)("%s: a Postgres that restarts costs no answer and no run", async (point) => {
    if (server) await expectNothingLost({ url: server.url }, point, restarting(server));
  });
});

async function expectNothingLost(place: Place, point: KillPoint, blink: Blink): Promise<void> {
  const resumptions = await killAndResume(place, point, rounds, blink);
  expect(resumptions.flatMap(brokenPromises)).toEqual([]);
  expect(resumptions.some(({ ending }) => ending?.hasWaited)).toBe(true);
}
