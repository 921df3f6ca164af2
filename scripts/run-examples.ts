/** Runs every program of examples/ against the built package, without any key: each has to end well by itself. */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";

const limitMs = 60_000;
const withoutKeys = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/_API_KEY$|^STEER_|^DATABASE_URL$/.test(name)),
);

for (const file of globSync("examples/*.ts").sort()) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [file], {
    env: withoutKeys,
    encoding: "utf8",
    timeout: limitMs,
  });
  if (status === 0 && stdout !== "") continue;
  console.error(`${file} ended with ${signal ?? `status ${status}`} and printed\n${stdout}${stderr}`);
  process.exitCode = 1;
}
