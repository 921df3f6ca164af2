import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { withoutSecrets } from "../../src/core/errors.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { PostgresStore } from "../../src/store/postgres.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { sampleOutput, sampleReplicate, win } from "../../src/testing/store-conformance/law.ts";

// Not a key: what one looks like.
const apiKey = "sk-test-0123456789abcdef";
vi.stubEnv("EXAMPLE_API_KEY", apiKey);

test("an API key of the environment is in no plan, replicate or output that a store keeps", async () => {
  const store = new MemoryStore();
  const { token } = await win(store, "key");
  await store.savePlan(token, { reasoning: `with ${apiKey}` });
  await store.append(token, sampleReplicate(0, `Incorrect API key provided: ${apiKey}.`));
  expect(JSON.stringify(await store.show("key"))).not.toContain(apiKey);
  await store.settle(token, sampleOutput(apiKey), 60_000);
  expect((await store.show("key"))?.output?.content).toBe("[secret]");
});

test("an API key of the environment is in no byte of the file of a store", async () => {
  const folder = mkdtempSync(join(tmpdir(), "steer-store-"));
  const path = join(folder, "runs.sqlite");
  const store = new SqliteStore({ path });
  const { token } = await win(store, "key");
  await store.append(token, sampleReplicate(0, apiKey));
  await store.close();
  expect(readFileSync(path, "latin1")).not.toContain(apiKey);
  expect(readFileSync(path, "latin1")).toContain("[secret]");
  rmSync(folder, { recursive: true });
});

test("hides the password of a connection string that a store was made with, as written and decoded", () => {
  new PostgresStore({ connectionString: "postgres://steer:hunt%40er2x@db.internal/steer" });
  expect(withoutSecrets("login with hunt%40er2x or hunt@er2x failed for steer")).toBe(
    "login with [secret] or [secret] failed for steer",
  );
});
