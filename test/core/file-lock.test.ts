import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
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

test("leaves no file behind once it is released, and its file is its owner's alone meanwhile", async () => {
  const path = lockPath();
  const release = await tryFileLock(path);
  expect(statSync(path).mode & 0o077).toBe(0);
  release?.();
  expect(existsSync(path)).toBe(false);
});

test("holds off every other of many that take and release it at once", async () => {
  const path = lockPath();
  let holders = 0;
  const work = async () => {
    for (let round = 0; round < 50; round++) {
      const release = await tryFileLock(path);
      if (!release) continue;
      expect(++holders).toBe(1);
      await Promise.resolve();
      holders--;
      release();
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
});

test("throws where a lock cannot be made", async () => {
  await expect(tryFileLock(join(lockPath(), "missing", "lock"))).rejects.toThrow("ENOENT");
});
