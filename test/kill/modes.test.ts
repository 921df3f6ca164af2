import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type EvidenceBundle, ReliableOrchestrator, unwrap } from "../../src/index.ts";
import { SqliteStore } from "../../src/stores/sqlite.ts";
import { startCachingServer } from "../support/caching-server.ts";
import type { Death } from "./death.ts";
import { k, key, type Mode, toolIn } from "./mode-tool.ts";
import type { ModeLife } from "./programs/mode-life.ts";

const program = new URL("programs/mode-life.ts", import.meta.url);
const leaseMs = 1_000;

test.each<[Mode, Death, number]>([
  // One request has all answers, of which two or more are journaled when the process dies.
  ["samples", { point: "after journal", passing: 2 }, 2],
  ["samples", { point: "after call", passing: 1 }, 0],
  // The first call streams its answer, and the others are made once it has begun.
  ["warm", { point: "after journal", passing: 1 }, 1],
  ["warm", { point: "after call", passing: 2 }, 1],
])("killed with %s, %o: no journaled answer is paid for again, and the bundle is whole", async (mode, death, least) => {
  await using server = await startCachingServer({ answer: (number) => `answer ${number}` });
  const folder = mkdtempSync(join(tmpdir(), "steer-modes-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const place = { path: join(folder, "runs.sqlite") };
  const life: ModeLife = { place, death, origin: server.origin, mode, leaseMs };
  const killed = fork(program, [JSON.stringify(life)], { execArgv: ["--no-warnings"] });
  expect(await once(killed, "exit")).toEqual([null, "SIGKILL"]);

  const store = new SqliteStore({ path: place.path });
  const journaled = (await store.show(key))?.replicates ?? [];
  expect(journaled.length).toBeGreaterThanOrEqual(least);
  const before = server.served.length;
  const tool = toolIn(mode, server.origin, () => {});
  const orchestrator = new ReliableOrchestrator({ store, reliabilityConfig: { leaseMs } });
  const output = await orchestrator.run({ tool, request: {}, options: { idempotencyKey: key } });
  const { evidenceBundle } = unwrap(output) as { evidenceBundle: EvidenceBundle };
  const paid = server.served.slice(before).flatMap(({ answers }) => answers);
  expect(paid).toHaveLength(k - journaled.length);
  const data = evidenceBundle.replicates.map((replicate) => replicate.data);
  expect(new Set(data).size).toBe(k);
  expect([...data].sort()).toEqual([...journaled.map((replicate) => replicate.data), ...paid].sort());
  await store.close();
});
