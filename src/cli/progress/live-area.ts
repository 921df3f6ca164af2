/**
 * Job: keep the last lines of a terminal up to date while finished lines scroll away above them.
 * Boundary: knows lines, not what they say.
 * Invariants:
 * 1. What was printed stays; only the area is drawn over.
 * 2. A line that is too long is cut by the terminal, never wrapped, so that the height is always known.
 * 3. Where nothing can be drawn over, it writes plain lines and no escape sequence.
 */
import type { Terminal } from "./terminal.ts";

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
