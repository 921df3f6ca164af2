import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openAt } from "../support/place.ts";
import { sharedPlaces, type TestPlace } from "../support/shared-places.ts";
import { brokenPromises } from "./broken-promises.ts";
import { killPoints } from "./death.ts";
import { killAndResume } from "./kill-and-resume.ts";

const rounds = 10;

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
