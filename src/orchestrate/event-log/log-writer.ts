import { setImmediate } from "node:timers/promises";
import { type Clock, schedule } from "../../core/clock.ts";
import { createId, type Random } from "../../core/random.ts";
import { aliveMs, type EventLog, type NewLoggedRun } from "../../store/log/event-log.ts";
import { mayBeReachedLater } from "../key/store-protection.ts";
import { RunRecording } from "./recording.ts";

/**
 * Job: write the events of an orchestrator's runs to their log, in batches.
 * Boundary: knows nothing of what an event says.
 * Invariants:
 * 1. No run waits for a batch. Where more waits than `roomCharacters`, further calls wait for room.
 * 2. One batch is under way at a time; what comes meanwhile is the next one.
 * 3. A log that cannot be reached is asked again with growing pauses for `retryMs`; then the runs that wait are given up.
 * 4. Events that the log refuses take no other run down with them.
 * 5. While runs go on, the log gets a sign of life three times in `aliveMs`. Without runs there is no timer.
 */

export interface LogWriterOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Longest time for which a log that cannot be reached is asked again. */
  readonly retryMs: number;
}

/** Most characters of one batch. */
const batchCharacters = 4 * 2 ** 20;
/** Characters that may wait before calls do. */
const roomCharacters = 32 * 2 ** 20;
/** Longest time for which the end of a run waits for its log. */
const endMs = 1_000;
const firstPauseMs = 50;
const lastPauseMs = 2_000;

export class EventLogWriter {
  readonly log: EventLog;
  readonly #options: LogWriterOptions;
  readonly #id: string;
  /** Runs with events that wait. */
  readonly #due = new Set<RunRecording>();
  /** Runs in the log that have not ended, with their ids. */
  readonly #open = new Map<RunRecording, string>();
  #waitingCharacters = 0;
  #isDraining = false;
  #isFailing = false;
  #stopBeating: (() => void) | undefined;
  #room: PromiseWithResolvers<void> | undefined;

  constructor(log: EventLog, options: LogWriterOptions) {
    this.log = log;
    this.#options = options;
    this.#id = createId(options.random);
  }

  /** A recording of one run. */
  record(run: Pick<NewLoggedRun, "requestId" | "traceId">): RunRecording {
    return new RunRecording(this, run);
  }

  /** Resolves once there is room for further events; `undefined` while there is. */
  room(): Promise<void> | undefined {
    if (this.#waitingCharacters <= roomCharacters) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** Waits until the log has what was recorded of a run that ended, for a short time at most. */
  async whenKept(recording: RunRecording): Promise<void> {
    const kept = this.#isFailing ? undefined : recording.whenKept();
    if (!kept) return;
    const stop = schedule(this.#options.clock, () => recording.stopWaiting(), endMs);
    await kept.finally(stop);
  }

  open(recording: RunRecording, run: Omit<NewLoggedRun, "writer">): void {
    this.#persist(() => this.log.open({ ...run, writer: this.#id })).then(
      (opened) => {
        this.#open.set(recording, opened.runId);
        recording.isOpened(opened);
        this.#beat();
        this.#due.add(recording);
        void this.#drain();
      },
      (error) => this.#giveUp(recording, error),
    );
  }

  hasMore(recording: RunRecording, characters: number): void {
    this.#waitingCharacters += characters;
    if (!recording.isOpen) return;
    this.#due.add(recording);
    void this.#drain();
  }

  async #drain(): Promise<void> {
    if (this.#isDraining) return;
    this.#isDraining = true;
    while (this.#due.size > 0) {
      await setImmediate();
      await this.#write(this.#nextBatch());
    }
    this.#isDraining = false;
  }

  #nextBatch(): RunRecording[] {
    const batch: RunRecording[] = [];
    let characters = 0;
    for (const recording of this.#due) {
      if (characters > batchCharacters) break;
      characters += recording.waitingLength;
      this.#due.delete(recording);
      batch.push(recording);
    }
    return batch;
  }

  /** Writes what waits of these runs; where the log refuses the batch, each run by itself. */
  async #write(recordings: readonly RunRecording[]): Promise<void> {
    const taken = recordings.map((recording) => {
      const runId = this.#open.get(recording) as string;
      return { recording, batch: { runId, writer: this.#id, ...recording.take(batchCharacters) } };
    });
    try {
      const refused = new Set(await this.#persist(() => this.log.append(taken.map(({ batch }) => batch))));
      for (const { recording, batch } of taken) {
        if (refused.has(batch.runId)) this.#giveUp(recording, refusal());
        else this.#hasWritten(recording, batch.events.length);
      }
    } catch (error) {
      if (recordings.length === 1 || mayBeReachedLater(error)) {
        for (const recording of recordings) this.#giveUp(recording, error);
      } else for (const recording of recordings) await this.#write([recording]);
    }
  }

  #hasWritten(recording: RunRecording, count: number): void {
    this.#leaveRoom(recording.hasKept(count));
    if (recording.isWhole) this.#close(recording);
    else if (recording.waitingCount > 0) this.#due.add(recording);
  }

  #giveUp(recording: RunRecording, error: unknown): void {
    this.#leaveRoom(recording.waitingLength);
    this.#due.delete(recording);
    this.#close(recording);
    recording.fail(error);
  }

  #leaveRoom(characters: number): void {
    this.#waitingCharacters -= characters;
    if (this.#waitingCharacters > roomCharacters) return;
    this.#room?.resolve();
    this.#room = undefined;
  }

  #close(recording: RunRecording): void {
    this.#open.delete(recording);
    if (this.#open.size > 0) return;
    this.#stopBeating?.();
    this.#stopBeating = undefined;
  }

  /** Gives signs of life until no run is open. */
  #beat(): void {
    this.#stopBeating ??= schedule(
      this.#options.clock,
      () => {
        this.#stopBeating = undefined;
        for (const recording of this.#open.keys()) this.#due.add(recording);
        this.#beat();
        void this.#drain();
      },
      aliveMs / 3,
    );
  }

  async #persist<R>(ask: () => Promise<R>): Promise<R> {
    const { clock, random, retryMs } = this.#options;
    const giveUpAtMs = clock.now() + retryMs;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, lastPauseMs)) {
      try {
        const answer = await ask();
        this.#isFailing = false;
        return answer;
      } catch (error) {
        this.#isFailing = true;
        for (const recording of this.#due) recording.stopWaiting();
        for (const recording of this.#open.keys()) recording.stopWaiting();
        if (!mayBeReachedLater(error) || clock.now() >= giveUpAtMs) throw error;
      }
      await clock.sleep(pauseMs * (0.5 + random.next() / 2));
    }
  }
}

function refusal(): Error {
  return new Error("Another process continues the run in the log, or its record is gone.");
}
