import fc from "fast-check";
import { scenarios } from "./arbitrary/scenarios.ts";
import { deedsIn } from "./deeds-in.ts";
import { faultsIn } from "./faults-in.ts";
import type { History } from "./history.ts";
import { invariants } from "./invariants/all.ts";
import { play } from "./play.ts";
import type { Scenario } from "./scenario.ts";

/** What a campaign came to. */
export interface CampaignReport {
  readonly scenarios: number;
  readonly runs: number;
  readonly calls: number;
  /** How often each fault was met. */
  readonly faults: Readonly<Record<string, number>>;
  /** How often the product did what. */
  readonly deeds: Readonly<Record<string, number>>;
  /** How often each invariant was looked at. */
  readonly checks: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
}

/** An invariant that did not hold, in the smallest scenario in which it does not. */
export interface Violation {
  readonly seed: number;
  readonly promise: string;
  readonly what: string;
  readonly scenario: Scenario;
}

/** So many broken seeds say enough. */
const mostViolations = 5;

/** Plays one scenario for each seed, everything in it following from the seed, and checks every invariant after each. */
export async function runCampaign(seeds: Iterable<number>): Promise<CampaignReport> {
  const tally = new Tally();
  for (const seed of seeds) {
    const violation = await playSeed(seed, tally);
    if (violation) tally.violations.push(violation);
    if (tally.violations.length === mostViolations) break;
  }
  return tally;
}

async function playSeed(seed: number, tally: Tally): Promise<Violation | undefined> {
  let isFirst = true;
  const property = fc.asyncProperty(scenarios, async (scenario) => {
    const history = await play(scenario);
    if (isFirst) tally.add(history);
    judge(history, isFirst ? tally.checks : {});
    isFirst = false;
  });
  const { counterexample, errorInstance } = await fc.check(property, { seed, numRuns: 1 });
  if (!counterexample) return undefined;
  if (!(errorInstance instanceof Broken)) throw errorInstance;
  const { promise, message } = errorInstance;
  return { seed, promise, what: message, scenario: counterexample[0] };
}

class Tally implements CampaignReport {
  scenarios = 0;
  runs = 0;
  calls = 0;
  readonly faults: Record<string, number> = {};
  readonly deeds: Record<string, number> = {};
  readonly checks: Record<string, number> = {};
  readonly violations: Violation[] = [];

  add(history: History): void {
    this.scenarios++;
    this.runs += history.runs.length;
    this.calls += history.calls.length;
    for (const fault of faultsIn(history)) count(this.faults, fault);
    for (const deed of deedsIn(history)) count(this.deeds, deed);
  }
}

class Broken extends Error {
  readonly promise: string;

  constructor(promise: string, what: string) {
    super(what);
    this.promise = promise;
  }
}

/** @throws Broken for the first invariant that does not hold */
function judge(history: History, checks: Record<string, number>): void {
  for (const { promise, check } of invariants)
    check(history, (holds, violation) => {
      count(checks, promise);
      if (!holds) throw new Broken(promise, violation());
    });
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
