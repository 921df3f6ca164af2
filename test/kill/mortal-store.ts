import type { FencingToken, RunStore } from "../../src/store/store.ts";
import type { KillPoint, Pass } from "./death.ts";

/**
 * Returns the store, with the points after its writes at which the process can die.
 *
 * @param keys keys of the runs: the answers that later runs may use are written under other keys, and pass no point
 */
export function mortalStore(store: RunStore, keys: Pick<readonly string[], "includes">, pass: Pass): RunStore {
  const passIn = ({ key }: FencingToken, point: KillPoint) => {
    if (keys.includes(key)) pass(point);
  };
  return {
    async claim(...parameters) {
      const claim = await store.claim(...parameters);
      if (claim.state === "won") passIn(claim.token, "after claim");
      return claim;
    },
    async append(token, replicate) {
      await store.append(token, replicate);
      passIn(token, "after journal");
    },
    async settle(token, ...parameters) {
      await store.settle(token, ...parameters);
      passIn(token, "after settle");
    },
    renew: (...parameters) => store.renew(...parameters),
    savePlan: (...parameters) => store.savePlan(...parameters),
    release: (...parameters) => store.release(...parameters),
    close: () => store.close(),
  };
}
