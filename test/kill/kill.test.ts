import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openAt, type Place } from "../support/place.ts";
import { createTestDatabase, postgresUrl } from "../support/postgres.ts";
import { brokenPromises } from "./broken-promises.ts";
import { killPoints } from "./death.ts";
import { killAndResume } from "./kill-and-resume.ts";

const rounds = 10;

const kinds: Record<string, () => Promise<{ place: Place; remove(): Promise<void> }>> = {
  async sqlite() {
    const folder = mkdtempSync(join(tmpdir(), "steer-kill-"));
    return { place: { path: join(folder, "runs.sqlite") }, remove: async () => rmSync(folder, { recursive: true }) };
  },
  async postgres() {
    const { url, drop } = await createTestDatabase();
    return { place: { url }, remove: drop };
  },
};

for (const [kind, createPlace] of Object.entries(kinds)) {
  describe.skipIf(kind === "postgres" && !postgresUrl)(`killed with its keys in ${kind}`, () => {
    let data: { place: Place; remove(): Promise<void> };
    beforeEach(async () => {
      data = await createPlace();
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
