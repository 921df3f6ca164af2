import { CancelScope } from "../core/signal.ts";
import { exitCode } from "./exit-code.ts";

const codeOfSignal = { SIGINT: exitCode.interrupted, SIGTERM: exitCode.terminated } as const;
type StopSignal = keyof typeof codeOfSignal;

/** Ctrl-C (or SIGTERM) asks a job to finish what it has begun; the second one ends the process at once. */
export class Interrupt implements Disposable {
  readonly #reactions: { onFirst(): void; onSecond(): void };
  readonly #scope = new CancelScope();

  constructor(reactions: { onFirst(): void; onSecond(): void }) {
    this.#reactions = reactions;
    for (const name of Object.keys(codeOfSignal)) process.on(name, this.#receive);
  }

  /** What the process should end with, once it was asked to. */
  get exitCode(): number | undefined {
    return this.#scope.reason as number | undefined;
  }

  /** Asks for the same for a reason of our own. */
  request(code: number): void {
    this.#scope.abort(code);
  }

  /** The items until the interrupt, also while the next one is waited for. */
  async *stopping<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    const iterator = items[Symbol.asyncIterator]();
    for (;;) {
      const next = await this.#scope.race(iterator.next()).catch((error) => {
        if (this.#scope.aborted) return { done: true, value: undefined } as const;
        throw error;
      });
      if (next.done) return;
      yield next.value;
    }
  }

  [Symbol.dispose](): void {
    for (const name of Object.keys(codeOfSignal)) process.off(name, this.#receive);
  }

  readonly #receive = (name: StopSignal): void => {
    if (this.#scope.aborted) {
      this.#reactions.onSecond();
      process.exit(codeOfSignal[name]);
    }
    this.request(codeOfSignal[name]);
    this.#reactions.onFirst();
  };
}
