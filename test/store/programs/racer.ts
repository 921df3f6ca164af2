import { sampleOutput, sampleReplicate } from "../../../src/testing/store-conformance/law.ts";
import { openAt, type Place, starter, task } from "../../support/place.ts";

/** Claims the same keys as other processes do, runs those that it wins, and reports which those were. */
const { place, keys, name } = task<{ place: Place; keys: readonly string[]; name: string }>();
const store = openAt(place);
await starter();
const won: string[] = [];
await Promise.all(
  keys.map(async (key) => {
    const claim = await store.claim(key, "fingerprint", { leaseMs: 30_000, owner: name });
    if (claim.state !== "won") return;
    won.push(key);
    await store.append(claim.token, sampleReplicate(0, name));
    await store.settle(claim.token, sampleOutput(name), 60_000);
  }),
);
await store.close();
process.send?.({ name, won }, () => process.disconnect());
