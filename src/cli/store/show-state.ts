import type { RunState } from "../../store/store.ts";
import type { Terminal } from "../progress/terminal.ts";

export function showState(state: RunState, colors: Terminal["colors"]): string {
  if (state === "running") return colors.green(state);
  return state === "settled" ? state : colors.yellow(state);
}
