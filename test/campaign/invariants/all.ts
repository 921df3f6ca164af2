import {
  answersWereGiven,
  outputsAreJson,
  reusedIsNotPaidAgain,
  samplesVoteOnce,
  statusTellsTheTruth,
} from "./answers.ts";
import { budgetIsACeiling, callsAreLimited, nothingStartsPastTheBudget, refusesBeyondTheBudgetOnly } from "./budget.ts";
import { recoveredIsCalledAgain, refusesForCause } from "./circuits.ts";
import { endsInTime, everyRunSettles, failsForCause, rejectsForCause } from "./endings.ts";
import { numbersHaveNoGap, oneTerminalEvent, streamShowsAll } from "./events.ts";
import { evidenceIsKept } from "./evidence.ts";
import type { Invariant } from "./invariant.ts";
import { journaledBeforeReported, journaledIsNotAskedAgain } from "./journal.ts";
import { oneExecutionAKey, onlyTheHolderWrites, settledIsReplayed, sharedIsEqual } from "./keys.ts";
import { noKeyIsHeld, nothingIsLeft, nothingStartsAfterTheEnd } from "./leftovers.ts";
import { pausesAreKept } from "./provider.ts";
import { retriesHappen, waitsAreShort } from "./retries.ts";
import { blinksFailNoRun } from "./store.ts";
import { costFollowsUsage, journaledIsNotCharged, usageIsConserved } from "./usage.ts";

/** Everything that is checked after a scenario. */
export const invariants: readonly Invariant[] = [
  everyRunSettles,
  endsInTime,
  failsForCause,
  rejectsForCause,
  oneTerminalEvent,
  numbersHaveNoGap,
  streamShowsAll,
  callsAreLimited,
  pausesAreKept,
  retriesHappen,
  waitsAreShort,
  refusesForCause,
  recoveredIsCalledAgain,
  nothingStartsPastTheBudget,
  budgetIsACeiling,
  refusesBeyondTheBudgetOnly,
  usageIsConserved,
  costFollowsUsage,
  oneExecutionAKey,
  onlyTheHolderWrites,
  sharedIsEqual,
  settledIsReplayed,
  journaledBeforeReported,
  journaledIsNotAskedAgain,
  journaledIsNotCharged,
  outputsAreJson,
  answersWereGiven,
  samplesVoteOnce,
  reusedIsNotPaidAgain,
  evidenceIsKept,
  statusTellsTheTruth,
  nothingIsLeft,
  nothingStartsAfterTheEnd,
  noKeyIsHeld,
  blinksFailNoRun,
];
