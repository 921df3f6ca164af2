import type { ReadStream } from "node:tty";
import { CommandError } from "../faults.ts";
import { readLines } from "../input/input.ts";

/** Keys, one by one: as they are pressed on a terminal, a line each of a pipe. */
export interface Keys {
  /** True where a person presses them: one that is wrong is refused, and another one waited for. */
  readonly arePressed: boolean;
  /**
   * Waits for one of these keys; `undefined` once no more come.
   *
   * @param refuse is told of a pressed key that is none of them
   */
  next(allowed: string, refuse?: (key: string) => void): Promise<string | undefined>;
  close(): void;
}

/** Opens the keys of standard input. */
export function openKeys(stdin: NodeJS.ReadStream | ReadStream): Keys {
  return stdin.isTTY ? new PressedKeys(stdin) : new KeysOfLines(stdin);
}

/** Ctrl-C, Ctrl-D. */
const ending = new Set(["\u0003", "\u0004"]);

class PressedKeys implements Keys {
  readonly arePressed = true;
  readonly #stdin: NodeJS.ReadStream;
  readonly #pressed: string[] = [];
  #isOver = false;
  #wake: () => void = () => {};

  constructor(stdin: NodeJS.ReadStream) {
    this.#stdin = stdin;
    stdin.setRawMode(true);
    stdin.setEncoding("utf8");
    stdin.on("data", this.#take);
    stdin.on("end", this.#end);
    stdin.resume();
  }

  async next(allowed: string, refuse: (key: string) => void = () => {}): Promise<string | undefined> {
    for (;;) {
      const key = this.#pressed.shift();
      if (key !== undefined) {
        if (ending.has(key)) return undefined;
        if (allowed.includes(key)) return key;
        refuse(key);
        continue;
      }
      if (this.#isOver) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#stdin.off("data", this.#take).off("end", this.#end);
    this.#stdin.setRawMode(false);
    this.#stdin.pause();
  }

  readonly #take = (text: string) => {
    // An arrow or a function key comes as one piece, and is none of ours.
    if (!text.startsWith("\u001b")) this.#pressed.push(...text.toLowerCase());
    this.#wake();
  };

  readonly #end = () => {
    this.#isOver = true;
    this.#wake();
  };
}

class KeysOfLines implements Keys {
  readonly arePressed = false;
  readonly #lines: AsyncGenerator<{ readonly number: number; readonly text: string }>;

  constructor(stdin: NodeJS.ReadStream) {
    this.#lines = readLines(stdin, "stdin");
  }

  /** @throws CommandError for a line that is no key: what follows it would answer another question */
  async next(allowed: string): Promise<string | undefined> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) return undefined;
      const key = value.text.trim().toLowerCase();
      if (key === "") continue;
      if (key.length === 1 && allowed.includes(key)) return key;
      throw new CommandError(
        `stdin:${value.number}: ${JSON.stringify(value.text.trim().slice(0, 40))} is not a key here. Give one of ${[...allowed].join(", ")}. The labels before it are kept.`,
      );
    }
  }

  close(): void {
    void this.#lines.return(undefined);
  }
}
