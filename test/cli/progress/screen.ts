const escapeCharacter = String.fromCharCode(27);
const tokens = new RegExp(`${escapeCharacter}\\[\\??\\d*[A-Za-z]|\\n|[^${escapeCharacter}\\n]+`, "g");
const goUp = new RegExp(`^${escapeCharacter}\\[(\\d+)F$`);

/** As much of a terminal as the live area uses: lines, the cursor, going up, clearing below, no wrapping. */
export class Screen {
  readonly lines: string[] = [""];
  #row = 0;

  write(text: string): void {
    for (const [token] of text.matchAll(tokens)) {
      const up = goUp.exec(token)?.[1];
      if (up !== undefined) this.#row -= Number(up);
      else if (token === `${escapeCharacter}[0J`) this.lines.splice(this.#row, Number.POSITIVE_INFINITY, "");
      else if (token === "\n") this.#row++;
      else if (!token.startsWith(escapeCharacter)) this.lines[this.#row] = token;
      if (this.#row < 0) throw new Error("the cursor left the screen");
      this.lines[this.#row] ??= "";
    }
  }

  /** What stands there, without the empty line of the cursor. */
  get shown(): string[] {
    return this.lines.slice(0, -1);
  }
}
