import { consequencesOf, endsBundle } from "../../contract/error-category.ts";
import { askReplicate } from "./ask-replicate.ts";
import type { BundleAsking } from "./bundle-asking.ts";
import { findJournaled } from "./kept-replicates.ts";
import type { Asked, Failure } from "./replicate-scheduler.ts";

/**
 * Job: ask the models of a stage in turn, the replicate of an index always of the same one while all of them answer.
 * Boundary: how one replicate is asked for is `askReplicate`'s.
 * Invariants:
 * 1. A model whose provider cannot answer is not asked again in this bundle: its turns go to the others, and a `warning` says so.
 * 2. The last model left is asked as if it were the only one.
 * 3. A replicate that a failed call was paid for stays in the bundle, invalid; one that could not be started goes to the next model.
 */
export class ModelTurns<Input, T> {
  readonly #askings: readonly BundleAsking<Input, T>[];
  readonly #left: BundleAsking<Input, T>[];

  constructor(askings: readonly BundleAsking<Input, T>[]) {
    this.#askings = askings;
    this.#left = [...askings];
  }

  async ask(index: number, fields: readonly string[] | undefined, onWarm: (() => void) | undefined): Promise<Asked> {
    const due = [...this.#askings.keys()].map((at) => this.#at(index + at));
    if (due.length > 1) {
      // An earlier run of the key may have asked another model for it.
      for (const asking of due) {
        const journaled = await findJournaled(asking, index);
        if (journaled) return journaled;
      }
    }
    for (;;) {
      const asking = due.find((each) => this.#left.includes(each)) as BundleAsking<Input, T>;
      const asked = await askReplicate(asking, index, fields, onWarm);
      if (!asked.failure || asked.replicate?.valid || !cannotAnswer(asked.failure)) return asked;
      this.#leaveOut(asking, asked.failure);
      const isLast = this.#left.includes(asking);
      if (isLast) return asked;
      if (asked.replicate) return { ...asked, isHopeless: false };
    }
  }

  #at(turn: number): BundleAsking<Input, T> {
    return this.#askings[turn % this.#askings.length] as BundleAsking<Input, T>;
  }

  #leaveOut(asking: BundleAsking<Input, T>, { facts }: Failure): void {
    if (this.#left.length === 1 || !this.#left.includes(asking)) return;
    this.#left.splice(this.#left.indexOf(asking), 1);
    const others = this.#left.map(({ tool }) => tool.modelId).join(", ");
    const message = `${asking.tool.modelId} cannot answer, and its turns go to ${others}: ${facts.message}`;
    asking.context.events.emit("warning", { code: "model_left_out", message });
  }
}

/** True of a failure that the next call to the same provider would meet too. A run that ends is none of the model. */
function cannotAnswer({ facts }: Failure): boolean {
  return facts.category !== "cancelled" && (consequencesOf(facts.category).passes || endsBundle(facts));
}
