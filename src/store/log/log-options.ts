import * as v from "valibot";
import { type Clock, wallClock } from "../../core/clock.ts";
import { checkedBy, milliseconds } from "../../core/options.ts";
import { tellsTime } from "../claim-rule.ts";
import { defaultRetentionMs } from "./event-log.ts";

/** Options of every event log. */
export const retentionEntries = {
  /** Retention of a run after its last sign of life. Default: 7 days. */
  retentionMs: v.optional(milliseconds(), defaultRetentionMs),
};

/** Options of event logs that no database has the time for. */
export const clockedEntries = {
  ...retentionEntries,
  /** Clock of retention. Default: the machine's wall clock. */
  clock: v.optional(checkedBy<Pick<Clock, "now">>(tellsTime, "an object with a now function"), wallClock),
};
