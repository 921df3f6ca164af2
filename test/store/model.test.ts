import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MemoryStore } from "../../src/store/memory.ts";
import { PostgresStore } from "../../src/store/postgres.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import type { FencingToken, ManagedStore } from "../../src/store/store.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { sampleOutput, sampleReplicate } from "../../src/testing/store-conformance/law.ts";
import { createTestDatabase, postgresUrl } from "../support/postgres.ts";

/** Every time in these histories is a multiple of this, far more than a step takes on a real server. */
const minuteMs = 60_000;

interface Subject {
  readonly store: ManagedStore;
  passTime(ms: number): Promise<unknown>;
}

interface Step {
  /** @param token of the claim that the step is about; of no claim where that was not won */
  run(subject: Subject, token: FencingToken): Promise<unknown>;
  /** Which of the claims won so far the step is about. */
  readonly claimIndex: number;
}

/** A step with facts of its own, shown by name in a counterexample. */
function step<F extends Record<string, unknown>>(
  name: string,
  facts: { [K in keyof F]: fc.Arbitrary<F[K]> },
  run: (facts: F, subject: Subject, token: FencingToken) => Promise<unknown>,
): fc.Arbitrary<Step> {
  return fc.record(facts).map((given) => ({
    claimIndex: Number(given["claimIndex"] ?? 0),
    run: (subject, token) => run(given as F, subject, token),
    [fc.toStringMethod]: () => `${name} ${JSON.stringify(given)}`,
  }));
}

/** A step that would see what has expired, which each store sweeps when it likes. */
const afterSweep: typeof step = (name, facts, run) =>
  step(name, facts, async (given, subject, token) => {
    await subject.store.sweep();
    return run(given, subject, token);
  });

const key = fc.constantFrom("a", "b");
const fingerprint = fc.constantFrom("f", "g");
const claimIndex = fc.nat({ max: 6 });
const ms = fc.integer({ min: 1, max: 4 }).map((minutes) => minutes * minuteMs);
const index = fc.nat({ max: 2 });
const data = fc.nat({ max: 99 });

const claim = step("claim", { key, fingerprint, ms }, ({ key, fingerprint, ms }, { store }) =>
  store.claim(key, fingerprint, { leaseMs: ms, owner: "model" }),
);
const append = step("append", { claimIndex, index, data }, ({ index, data }, { store }, token) =>
  store.append(token, sampleReplicate(index, data)),
);
const pass = step("pass", { ms }, async ({ ms }, { passTime }) => void (await passTime(ms - minuteMs / 2)));
const rest = [
  step("renew", { claimIndex, ms }, ({ ms }, { store }, token) => store.renew(token, ms)),
  step("savePlan", { claimIndex, data }, ({ data }, { store }, token) => store.savePlan(token, data)),
  step("settle", { claimIndex, data, ms }, ({ data, ms }, { store }, token) =>
    store.settle(token, sampleOutput(data), ms),
  ),
  step("release", { claimIndex }, (_, { store }, token) => store.release(token)),
  afterSweep("purge", { key }, ({ key }, { store }) => store.purge([key])),
  afterSweep("show", { key }, ({ key }, { store }) => store.show(key)),
  afterSweep("list", {}, (_, { store }) => store.list()),
];

const history = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: claim },
    { weight: 2, arbitrary: append },
    { weight: 2, arbitrary: pass },
    ...rest.map((arbitrary) => ({ weight: 1, arbitrary })),
  ),
  { minLength: 5, maxLength: 40 },
);

/** What a store answers to each step, without what may differ: fences and fractions of a minute. */
async function trace(subject: Subject, steps: readonly Step[]): Promise<unknown[]> {
  const tokens: FencingToken[] = [];
  const answers: unknown[] = [];
  for (const { run, claimIndex } of steps) {
    const token = tokens[claimIndex] ?? { key: "of no claim", fence: -1 };
    const answer: any = await run(subject, token).catch((error) => error.reason ?? error);
    if (answer?.state === "won") tokens.push(answer.token);
    answers.push(normal(answer));
  }
  return answers;
}

function normal(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer ?? null, (name, value) => {
      if (name === "fence") return undefined;
      return name.endsWith("InMs") ? Math.round(value / (minuteMs / 2)) : value;
    }),
  );
}

/** @param clear empties the subject's store */
async function assertLikeMemory(subject: Subject, clear: () => unknown, numRuns: number): Promise<void> {
  const likeMemory = fc.asyncProperty(history, async (steps) => {
    await clear();
    const clock = createFakeClock();
    const memory = { store: new MemoryStore({ clock }), passTime: clock.advance };
    expect(await trace(subject, steps)).toEqual(await trace(memory, steps));
  });
  await fc.assert(likeMemory, { numRuns });
}

test("SQLite answers as memory does, in any sequence of calls", async () => {
  const folder = mkdtempSync(join(tmpdir(), "steer-store-"));
  const path = join(folder, "runs.sqlite");
  let nowMs = 0;
  const store = new SqliteStore({ path, clock: { now: () => nowMs } });
  await store.list();
  const database = new DatabaseSync(path);
  const passTime = async (ms: number) => {
    nowMs += ms;
  };
  await assertLikeMemory({ store, passTime }, () => database.exec("DELETE FROM steer_run"), 300);
  database.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

test.skipIf(!postgresUrl)("whatever happens to a store, Postgres answers as memory does", async () => {
  const database = await createTestDatabase();
  const store = new PostgresStore({ connectionString: database.url });
  await store.list();
  const passTime = (ms: number) =>
    database.execute(`UPDATE steer_run SET lease_ends_ms = lease_ends_ms - ${ms}, expires_ms = expires_ms - ${ms}`);
  await assertLikeMemory({ store, passTime }, () => database.execute("TRUNCATE steer_run CASCADE"), 100);
  await store.close();
  await database.drop();
});
