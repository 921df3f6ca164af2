import type { Clock } from "../../core/clock.ts";
import type { JobWait } from "../../orchestrate/job/provider-health.ts";
import { cut, showDuration, showOnLine } from "./format.ts";
import type { Terminal } from "./terminal.ts";

/** Longest message of a failure; the whole one stands in the error, where the job gives up. */
const whyLength = 160;

/** A wait of a job on one line: until when, why, and when the job gives up. */
export function waitLine({ why, untilMs, giveUpAtMs }: JobWait, nowMs: number, { colors }: Terminal): string {
  const leftMs = untilMs - nowMs;
  const until = leftMs > 0 ? `waits until ${timeOfDay(untilMs)} (${showDuration(leftMs)})` : "asks a few inputs again";
  const end =
    giveUpAtMs === Number.POSITIVE_INFINITY ? "" : `  gives up at ${dayAndTime(giveUpAtMs, nowMs)}, or by Ctrl-C`;
  return colors.yellow(`${until}  ${cut(showOnLine(why), whyLength)}${end}`);
}

/** Time between two lines about the same wait. */
const quietMs = 60_000;

/** Tells of a wait in lines that stay: when it begins, when its reason is another one, once a minute, and when it is over. */
export class WaitLines {
  readonly #write: (line: string) => void;
  readonly #terminal: Terminal;
  readonly #clock: Clock;
  #told: { readonly why: string; readonly atMs: number } | undefined;

  constructor(write: (line: string) => void, terminal: Terminal, clock: Clock) {
    this.#write = write;
    this.#terminal = terminal;
    this.#clock = clock;
  }

  wait(wait: JobWait | undefined): void {
    const nowMs = this.#clock.now();
    if (!wait) {
      if (this.#told) this.#write("goes on");
      this.#told = undefined;
      return;
    }
    if (this.#told?.why === wait.why && nowMs - this.#told.atMs < quietMs) return;
    this.#told = { why: wait.why, atMs: nowMs };
    this.#write(waitLine(wait, nowMs, this.#terminal));
  }
}

/** The time, with the date where it is far away. */
function dayAndTime(ms: number, nowMs: number): string {
  return ms - nowMs < 12 * 3_600_000 ? timeOfDay(ms) : `${new Date(ms).toLocaleDateString("sv")} ${timeOfDay(ms)}`;
}

/** `14:03:10`, in the time zone of the machine. */
function timeOfDay(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}
