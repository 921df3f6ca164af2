import { showOnLine } from "../../progress/format.ts";
import type { Vote } from "../facts/field-votes.ts";

/** A value on a line; a field that is not there has none. */
export function showVote(vote: Vote): string {
  return "value" in vote ? showOnLine(vote.value) : "(absent)";
}
