import type { LoggedRunDetails } from "../../../src/store/log/event-log.ts";
import { getRun, isLockedOut, Refusal } from "./api.ts";

/** Runs that are asked for at once. */
export const width = 6;
/** Rows that are seen and wait to be read, at most. */
const mostWanted = 100;
/** Pause before a service that does not answer is asked again. */
const pauseMs = 1_000;

interface Given {
  /** True where the list says that a run has ended. */
  readonly hasEnded: (id: string) => boolean;
  readonly onRead: (run: LoggedRunDetails) => void;
  /** Hears that something was read, or is gone. */
  readonly onChange: () => void;
}

/**
 * Job: read what rows say beside the list, their inputs and answers: first of the rows that are seen, then of all for a search or a file.
 * Boundary: keeps which runs were read, and not what they say.
 * Invariants:
 * 1. A run is read once as it goes on, and once more after its end.
 */
export class RunReader {
  readonly #given: Given;
  /** Runs whose rows are seen and not read; and those that are read for a search or a file. */
  #wanted: string[] = [];
  readonly #bulk = new Set<string>();
  /** Runs that are asked for, and that are read; true where they had ended: one that goes on has more to say later. */
  readonly #asked = new Map<string, boolean>();
  readonly #readAs = new Map<string, boolean>();
  #asking = 0;
  #waiting: (() => void)[] = [];

  constructor(given: Given) {
    this.#given = given;
  }

  /** Asks for what rows say, those first that are asked for last: they are seen now. */
  look(ids: readonly string[]): void {
    const wanted = ids.filter((id) => !this.#covers(this.#asked, id));
    this.#wanted = [...new Set([...wanted, ...this.#wanted])].slice(0, mostWanted);
    this.#askNext();
  }

  /** Resolves once all of them are read, or gone from the log. */
  async read(ids: readonly string[]): Promise<void> {
    for (const id of ids) if (!this.isRead(id)) this.#bulk.add(id);
    this.#askNext();
    if (this.#asking > 0) await new Promise<void>((done) => this.#waiting.push(done));
  }

  isRead(id: string): boolean {
    return this.#covers(this.#readAs, id);
  }

  /** Notes that a run was read, by this reader or by another way. */
  note({ runId, endedMs }: LoggedRunDetails): void {
    this.#asked.set(runId, endedMs !== undefined);
    this.#readAs.set(runId, endedMs !== undefined);
  }

  #askNext(): void {
    while (this.#asking < width && !isLockedOut.value) {
      const next = this.#wanted.shift() ?? this.#bulk.values().next().value;
      if (next === undefined) break;
      this.#bulk.delete(next);
      if (!this.#covers(this.#asked, next)) void this.#ask(next);
    }
    if (this.#asking === 0) for (const done of this.#waiting.splice(0)) done();
  }

  /** True where a run was asked for or read in the state in which it is. */
  #covers(asked: ReadonlyMap<string, boolean>, id: string): boolean {
    const hadEnded = asked.get(id);
    return hadEnded === true || (hadEnded === false && !this.#given.hasEnded(id));
  }

  async #ask(id: string): Promise<void> {
    this.#asking++;
    const hasEnded = this.#given.hasEnded(id);
    this.#asked.set(id, hasEnded);
    try {
      const run = await getRun(id);
      this.note(run);
      this.#given.onRead(run);
    } catch (error) {
      // A run may be gone from the log; a service that does not answer is asked again.
      if (error instanceof Refusal && error.status === 404) this.#readAs.set(id, hasEnded);
      else {
        await new Promise((wake) => setTimeout(wake, pauseMs));
        this.#asked.delete(id);
        this.#wanted.push(id);
      }
    } finally {
      this.#given.onChange();
      this.#asking--;
      this.#askNext();
    }
  }
}
