import pc from "picocolors";
import { type Clock, schedule } from "../../core/clock.ts";

/** Output that people read. */
export interface Terminal {
  write(text: string): void;
  /** True where lines can be drawn over. */
  readonly isLive: boolean;
  /** Rows that fit. */
  readonly rows: number;
  readonly columns: number;
  readonly colors: ReturnType<typeof pc.createColors>;
}

/** Part of a stream that is read: `process.stdout` and `process.stderr` fit. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly rows?: number | undefined;
  readonly columns?: number | undefined;
  /** True where the terminal can show them. */
  hasColors?(): boolean;
}

/** A terminal over a stream; plain lines and no colours where the stream is a pipe or a file. */
export function createTerminal(stream: TextStream, env: NodeJS.ProcessEnv = process.env): Terminal {
  const isTerminal = stream.isTTY === true;
  // A terminal that does not know its size says 0.
  return {
    write: (text) => void stream.write(text),
    isLive: isTerminal && env["TERM"] !== "dumb",
    get rows() {
      return stream.rows || 24;
    },
    get columns() {
      return stream.columns || 80;
    },
    colors: pc.createColors(
      !env["NO_COLOR"] && (!!env["FORCE_COLOR"] || (isTerminal && stream.hasColors?.() === true)),
    ),
  };
}

/**
 * Job: keep the last lines of a terminal up to date while finished lines scroll away above them.
 * Boundary: knows lines, not what they say.
 * Invariants:
 * 1. What was printed stays; only the area is drawn over.
 * 2. A line that is too long is cut by the terminal, never wrapped, so that the height is always known.
 * 3. Where nothing can be drawn over, it writes plain lines and no escape sequence.
 */

const wrapOff = "\x1b[?7l";
const wrapOn = "\x1b[?7h";
const clearBelow = "\x1b[0J";

export class LiveArea {
  readonly #terminal: Terminal;
  #lines: readonly string[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Puts a line above the area, for good. */
  print(line: string): void {
    this.draw(this.#lines, [line]);
  }

  /**
   * Replaces what the area shows, as far as it fits on the screen.
   *
   * @param finished lines that go above it, for good
   */
  draw(lines: readonly string[], finished: readonly string[] = []): void {
    const { isLive, rows } = this.#terminal;
    const height = rows - 1;
    const fitting = isLive && lines.length > height ? [...lines.slice(0, height - 1), "…"] : lines;
    this.#terminal.write(this.#home() + this.#toText([...finished, ...fitting]));
    if (isLive) this.#lines = fitting;
  }

  /** To the beginning of the area, which is cleared. */
  #home(): string {
    if (!this.#terminal.isLive) return "";
    return (this.#lines.length > 0 ? `\x1b[${this.#lines.length}F` : "") + clearBelow;
  }

  #toText(lines: readonly string[]): string {
    const text = lines.map((line) => `${line}\n`).join("");
    return this.#terminal.isLive && text !== "" ? `${wrapOff}${text}${wrapOn}` : text;
  }
}

/** Draws no more often than people can see, however often something changes. */
const intervalMs = 80;

export class Redraw {
  readonly #draw: () => void;
  readonly #clock: Clock;
  #cancel: (() => void) | undefined;

  constructor(draw: () => void, clock: Clock) {
    this.#draw = draw;
    this.#clock = clock;
  }

  /** Draws soon. */
  request(): void {
    this.#cancel ??= schedule(this.#clock, () => this.now(), intervalMs);
  }

  now(): void {
    this.stop();
    this.#draw();
  }

  /** Draws nothing more, and leaves no timer. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
