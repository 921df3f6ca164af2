import { describe, expect, test } from "vitest";
import { createGuard } from "../../src/guard/create-guard.ts";
import { withFallback } from "../../src/guard/fallback.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { httpError } from "./set-up.ts";

describe("withFallback", () => {
  const chain = async (outcomes: readonly (string | Error)[]) => {
    const ran: number[] = [];
    const told: string[] = [];
    const result = await withFallback({
      candidates: outcomes.map((_, index) => index) as [number, ...number[]],
      run: (index) => {
        ran.push(index);
        const outcome = outcomes[index];
        if (outcome instanceof Error) throw outcome;
        return outcome;
      },
      onFallback: (failed, next, error) => told.push(`${failed} to ${next}: ${(error as Error).message}`),
    }).catch((error) => error);
    return { result, ran, told };
  };

  test("takes the first candidate that succeeds, and tells of each step", async () => {
    const { result, ran, told } = await chain([httpError(503), httpError(401), "answer", "never"]);
    expect([result, ran]).toEqual(["answer", [0, 1, 2]]);
    expect(told).toEqual(["0 to 1: HTTP 503", "1 to 2: HTTP 401"]);
  });

  test("fails with the last candidate's error", async () => {
    const last = httpError(502);
    expect(await chain([httpError(503), last])).toMatchObject({ result: last, ran: [0, 1] });
  });

  test("does not wait for a long pause while another candidate is left, and waits for the last one's", async () => {
    const clock = createFakeClock();
    const calledAt: [string, number][] = [];
    const guards = { first: createGuard({ name: "first", clock }), last: createGuard({ name: "last", clock }) };
    const answer = withFallback({
      candidates: ["first", "last"] as const,
      run: (name, place) =>
        guards[name].run(() => {
          calledAt.push([name, clock.now()]);
          if (clock.now() < 300_000) throw httpError(429, { "retry-after": "300" });
          return name;
        }, place),
    });
    await clock.advance(0);
    expect(calledAt.map(([name]) => name)).toEqual(["first", "last"]);
    await clock.runAll();
    expect(await answer).toBe("last");
    expect(calledAt).toHaveLength(3);
    expect(calledAt[2]?.[1]).toBeGreaterThanOrEqual(300_000);
  });

  test("goes no further with an invalid request, which every candidate would refuse", async () => {
    const invalid = httpError(400);
    expect(await chain([invalid, "never"])).toMatchObject({ result: invalid, ran: [0] });
  });
});
