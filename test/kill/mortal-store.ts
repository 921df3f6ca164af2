import type { RunStore } from "../../src/store/store.ts";
import type { Pass } from "./death.ts";

/** The store, with the points after its writes at which the process can die. */
export function mortalStore(store: RunStore, pass: Pass): RunStore {
  return {
    async claim(...parameters) {
      const claim = await store.claim(...parameters);
      if (claim.state === "won") pass("after claim");
      return claim;
    },
    async append(...parameters) {
      await store.append(...parameters);
      pass("after journal");
    },
    async settle(...parameters) {
      await store.settle(...parameters);
      pass("after settle");
    },
    renew: (...parameters) => store.renew(...parameters),
    savePlan: (...parameters) => store.savePlan(...parameters),
    release: (...parameters) => store.release(...parameters),
    close: () => store.close(),
  };
}
