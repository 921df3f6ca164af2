import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { tryFileLock } from "../../src/core/file-lock.ts";

function lockPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "steer-lock-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "lock");
}

const module = join(import.meta.dirname, "../../src/core/file-lock.ts");

test("one of many holds the lock at a time, within a process too", async () => {
  const path = lockPath();
  const release = await tryFileLock(path);
  expect(release).toBeTypeOf("function");
  expect(await tryFileLock(path)).toBeUndefined();
  release?.();
  const next = await tryFileLock(path);
  expect(next).toBeTypeOf("function");
  next?.();
});

test("a process that is killed lets go", async () => {
  const path = lockPath();
  const program = `const { tryFileLock } = await import(${JSON.stringify(module)});
    await tryFileLock(${JSON.stringify(path)}); console.log("held"); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  expect(await tryFileLock(path)).toBeUndefined();
  holder.kill("SIGKILL");
  await once(holder, "close");
  const release = await tryFileLock(path);
  expect(release).toBeTypeOf("function");
  release?.();
});

test("a lock that cannot be made is an error, not a lock that somebody holds", async () => {
  await expect(tryFileLock(join(lockPath(), "missing", "lock"))).rejects.toThrow("unable to open database file");
});
