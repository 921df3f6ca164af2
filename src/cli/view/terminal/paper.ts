import type { Terminal } from "../../progress/terminal.ts";

/** What there is to write on. */
export interface Paper {
  readonly colors: Terminal["colors"];
  readonly columns: number;
}
