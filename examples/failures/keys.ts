import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { MemoryStore } from "steer-llm-sdk/stores/memory";
import { SqliteStore } from "steer-llm-sdk/stores/sqlite";
import type { Failure, Night } from "./night.ts";
import { high, request, triage } from "./triage.ts";

const doomedRun = fileURLToPath(new URL("doomed-run.ts", import.meta.url));
const options = { idempotencyKey: "report-17" };

const path = "runs.sqlite";

/** Lets a failure play in a folder that is gone afterwards. */
async function inFolder(night: Night, act: (store: SqliteStore) => Promise<void>): Promise<void> {
  const before = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), "steer-example-"));
  process.chdir(folder);
  const store = new SqliteStore({ path, clock: night.clock, busyTimeoutMs: 0 });
  try {
    await act(store);
  } finally {
    await store.close();
    process.chdir(before);
    rmSync(folder, { recursive: true });
  }
}

export const keyFailures: readonly Failure[] = [
  {
    title: "The process is killed before an answer is journaled",
    act: (night) =>
      inFolder(night, async (store) => {
        const { signal } = spawnSync(process.execPath, ["--no-warnings", doomedRun, path]);
        night.say(`another process was asked for three answers and ended with ${signal}`);
        const left = await store.show(options.idempotencyKey);
        night.say(`left in the store: ${left?.key}, ${left?.state}, ${left?.replicates.length} replicates`);
        const tool = triage([high]);
        const output = await night.watch(
          () => night.orchestrator({ store }).run({ tool, request, options }),
          "The same run, elsewhere",
        );
        night.say(`journaledUsage: ${JSON.stringify(output?.metadata.journaledUsage)}`);
      }),
  },
  {
    title: "The same key comes twice",
    async act(night) {
      let calls = 0;
      const tool = triage(async ({ signal }) => {
        calls++;
        await night.clock.sleep(1_000, { signal });
        return high;
      });
      // Two orchestrators that share a store, and no state, are to each other what two processes are.
      const store = new MemoryStore({ clock: night.clock });
      const server = () => night.orchestrator({ store });
      const first = server().run({ tool, request, options });
      const other = { ...request, report: "Printing crashes the editor." };
      const output = await night.watch(() => server().run({ tool, request, options }), "On two servers at once");
      night.say(`equal: ${isDeepStrictEqual(output?.content, (await first).content)}, calls for both: ${calls}`);
      await night.watch(() => server().run({ tool, request: other, options }), "With another request");
    },
  },
  {
    title: "The store fails while a run goes on",
    act: (night) =>
      inFolder(night, async (store) => {
        const otherProcess = new DatabaseSync(path);
        const orchestrator = night.orchestrator({ store });
        const lockAtThird = (unlockAfterMs?: number) =>
          triage(({ index }) => {
            if (index !== 2) return high;
            otherProcess.exec("BEGIN IMMEDIATE");
            if (unlockAfterMs !== undefined) night.clock.schedule?.(() => otherProcess.exec("ROLLBACK"), unlockAfterMs);
            return high;
          });
        const run = (idempotencyKey: string, tool: ReturnType<typeof triage>) =>
          orchestrator.run({ tool, request, options: { idempotencyKey } });
        await night.watch(() => run("report-1", lockAtThird(10_000)), "Another process locks its file for 10 s");
        const stuck = lockAtThird();
        await night.watch(() => run("report-2", stuck), "And for good");
        otherProcess.exec("ROLLBACK");
        otherProcess.close();
        const output = await night.watch(() => run("report-2", stuck), "The same run, when the lock is gone");
        night.say(`journaledUsage: ${JSON.stringify(output?.metadata.journaledUsage)}`);
      }),
  },
];
