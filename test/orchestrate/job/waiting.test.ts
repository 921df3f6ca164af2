import { describe, expect, test } from "vitest";
import { JobStoppedError } from "../../../src/contract/errors.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { httpError, play, refusedShare, statuses } from "./scene.ts";

const downs = [2_000, 90_000, 200_000];
const isDown = (nowMs: number) => downs.some((atMs) => nowMs >= atMs && nowMs < atMs + 10_000);

describe("a job whose provider comes and goes", () => {
  test("answers every input of a provider that is away for ten seconds, three times", async () => {
    const ended = await play({
      count: 1_000,
      latencyMs: 2_000,
      answer: (_input, nowMs) => {
        if (isDown(nowMs)) throw httpError(500);
      },
    });
    expect(statuses(ended)).toEqual({ completed: 1_000 });
    expect(refusedShare(ended)).toBeLessThan(0.25);
    expect(ended.error).toBeUndefined();
    expect(ended.pending).toBe(0);
  });

  test("sends nothing but a few probes while the provider is away", async () => {
    const ended = await play({
      count: 1_000,
      answer: (_input, nowMs) => {
        if (nowMs > 5_000 && nowMs < 605_000) throw httpError(503);
      },
    });
    expect(statuses(ended)).toEqual({ completed: 1_000 });
    const refused = ended.calls.filter(({ isRefused }) => isRefused);
    expect(refused.length).toBeLessThan(120);
    const late = refused.filter(({ atMs }) => atMs > 60_000);
    expect(late.length).toBeLessThan(30);
  });

  test("answers every input of a provider that refuses a fifth of its calls", async () => {
    const random = seededRandom(3);
    const ended = await play({
      count: 1_000,
      answer: (_input, nowMs) => {
        if (nowMs < 60_000 && random.next() < 0.2) throw httpError(500);
      },
    });
    expect(statuses(ended)).toEqual({ completed: 1_000 });
    expect(refusedShare(ended)).toBeLessThan(0.25);
  });

  test("answers every input of a provider that drops half of its connections", async () => {
    const random = seededRandom(5);
    const ended = await play({
      count: 1_000,
      answer: () => {
        if (random.next() < 0.5) throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
      },
    });
    expect(statuses(ended)).toEqual({ completed: 1_000 });
  });

  test("holds its inputs for a pause that the server asks for", async () => {
    const ended = await play({
      count: 50,
      answer: (_input, nowMs) => {
        if (nowMs > 500 && nowMs < 60_000) throw httpError(429, { "retry-after": "60" });
      },
    });
    expect(statuses(ended)).toEqual({ completed: 50 });
    expect(ended.calls.filter(({ isRefused }) => isRefused).length).toBeLessThanOrEqual(10);
    expect(ended.calls.filter(({ atMs }) => atMs > 1_000 && atMs < 60_000)).toEqual([]);
  });
});

describe("an input that is itself the fault", () => {
  test("fails after 20 refusals, while the others are answered", async () => {
    const ended = await play({
      count: 500,
      answer: (input) => {
        if (input === 50) throw httpError(500, {}, "the tokenizer crashed");
      },
    });
    expect(statuses(ended)).toEqual({ completed: 499, failed: 1 });
    expect(ended.outputs.get(50)).toMatchObject({ errors: { asks: { message: "the tokenizer crashed" } } });
    expect(ended.calls.filter(({ input }) => input === 50).length).toBeLessThanOrEqual(24);
    expect(ended.error).toBeUndefined();
  });

  test("fails also where there are twice as many in a row as may be in flight", async () => {
    const ended = await play({
      count: 200,
      answer: (input) => {
        if (input >= 100 && input < 120) throw httpError(500);
      },
    });
    expect(statuses(ended)).toEqual({ completed: 180, failed: 20 });
    expect(ended.error).toBeUndefined();
    expect(ended.endedMs).toBeLessThan(3_600_000);
  });
});

describe("a job that no wait helps", () => {
  test.each([
    [401, "authentication", "Incorrect API key"],
    [402, "quota_exhausted", "Payment required"],
    [404, "authentication", "The model `gpt-9` does not exist"],
  ])("ends at once with a %i, after what was sent has its output", async (status, reason, message) => {
    const ended = await play({
      answer: () => {
        throw httpError(status, {}, message);
      },
    });
    expect(ended.error).toBeInstanceOf(JobStoppedError);
    expect(ended.error).toMatchObject({ code: "JOB_STOPPED", reason, cause: { message } });
    expect(ended.error.message).toContain(message);
    expect(ended.calls.length).toBe(10);
    expect(statuses(ended)).toEqual({ failed: 10 });
    expect(ended.error.unsent).toBe(90);
    expect(ended.endedMs).toBe(100);
  });

  test("ends once the account is empty in its middle, and marks nothing failed that was not sent", async () => {
    const ended = await play({
      answer: (_input, nowMs) => {
        if (nowMs >= 500) throw httpError(402);
      },
    });
    expect(ended.error).toMatchObject({ reason: "quota_exhausted" });
    expect(ended.outputs.size + ended.error.unsent).toBe(100);
    expect(statuses(ended)).toEqual({ completed: 50, failed: 10 });
  });

  test("goes on where a key is refused for one input alone, as a firewall does", async () => {
    const ended = await play({
      answer: (input) => {
        if (input === 40) throw httpError(403, {}, "blocked by rule 942100");
      },
    });
    expect(statuses(ended)).toEqual({ completed: 99, failed: 1 });
    expect(ended.error).toBeUndefined();
    expect(ended.calls.filter(({ input }) => input === 40)).toHaveLength(1);
  });

  test("gives up after giveUpAfterMs without an answer, and leaves no timer", async () => {
    const ended = await play({
      count: 1_000,
      giveUpAfterMs: 1_800_000,
      answer: (_input, nowMs) => {
        if (nowMs >= 1_000) throw httpError(503, {}, "down for maintenance");
      },
    });
    expect(ended.error).toMatchObject({ code: "JOB_STOPPED", reason: "gave_up" });
    expect(ended.error.message).toContain("down for maintenance");
    expect(ended.endedMs).toBe(1_801_000);
    expect(ended.outputs.size + ended.rejected.size + ended.error.unsent).toBe(1_000);
    expect(ended.error.unsent).toBeGreaterThan(800);
    const sent = new Set(ended.calls.map(({ input }) => input));
    for (const index of ended.outputs.keys()) expect(sent).toContain(index);
    expect(ended.pending).toBe(0);
  });

  describe("at an address without a server", () => {
    const refused = () =>
      Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED", syscall: "connect" });

    test("gives up within a minute where nothing was ever answered, and says what to do", async () => {
      const ended = await play({
        answer: () => {
          throw refused();
        },
      });
      expect(ended.endedMs).toBe(60_000);
      expect(ended.error).toMatchObject({ code: "JOB_STOPPED", reason: "gave_up", unsent: expect.any(Number) });
      expect(ended.error.message).toContain(
        "no server was there for 60000 ms: connect ECONNREFUSED 127.0.0.1:1. Start the server, or correct its address.",
      );
      expect(ended.outputs.size + ended.rejected.size + ended.error.unsent).toBe(100);
      expect(ended.pending).toBe(0);
    });

    test.each<[string, (nowMs: number) => unknown, number | undefined]>([
      ["once one input was answered", (nowMs) => nowMs < 500 || nowMs > 600_000, undefined],
      ["once the server has sent an error", (nowMs) => nowMs > 600_000 || (nowMs < 1_000 && httpError(503)), undefined],
      ["as long as giveUpAfterMs says", (nowMs) => nowMs > 600_000, 3_600_000],
    ])("waits for it, %s", async (_, answerAt, giveUpAfterMs) => {
      const ended = await play({
        ...(giveUpAfterMs !== undefined && { giveUpAfterMs }),
        answer(_input, nowMs) {
          const answer = answerAt(nowMs);
          if (answer !== true) throw answer || refused();
        },
      });
      expect(ended.error).toBeUndefined();
      expect(statuses(ended)).toEqual({ completed: 100 });
      expect(ended.endedMs).toBeGreaterThan(600_000);
    });
  });

  test("with giveUpAfterMs 0 waits for nothing", async () => {
    const ended = await play({
      giveUpAfterMs: 0,
      count: 20,
      answer: (input) => {
        if (input > 10) throw httpError(500);
      },
    });
    expect(statuses(ended)).toEqual({ completed: 11, failed: 9 });
  });
});
