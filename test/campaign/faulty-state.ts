import { ReliabilityState, type RunStore } from "../../src/reliability.ts";
import type { StoreTroubles } from "./store-troubles.ts";
import type { WorldClock } from "./world-clock.ts";

/** What the orchestrators of one process share, and the store that they open when they first need it. */
export class FaultyState extends ReliabilityState {
  readonly #store: RunStore;
  readonly #process: number;
  readonly #troubles: StoreTroubles;

  constructor(store: RunStore, process: number, troubles: StoreTroubles, clock: WorldClock) {
    super({ clock });
    this.#store = store;
    this.#process = process;
    this.#troubles = troubles;
  }

  override storeNamed(): Promise<RunStore> {
    const played = this.#troubles.begin(this.#process, "open", "", {});
    return this.#troubles.meet(played, async () => this.#store);
  }
}
