import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "vite";

/** Limit of the viewer, script and style together. */
const mostKilobytes = 80;

/**
 * Builds the viewer into dist/viewer. `tsdown` calls it at its end, and tests where the build is older than the sources.
 *
 * @throws Error where it grew beyond its limit
 */
export async function buildViewer(): Promise<void> {
  const { NODE_ENV: before } = process.env;
  // A test runner has another one, and would get another build.
  process.env["NODE_ENV"] = "production";
  await build({ configFile: "viewer/vite.config.ts", logLevel: "warn" });
  if (before === undefined) delete process.env["NODE_ENV"];
  else process.env["NODE_ENV"] = before;
  const bytes = ["viewer.js", "viewer.css"].map(
    (name) => gzipSync(readFileSync(`dist/viewer/${name}`), { level: 9 }).length,
  );
  const kilobytes = bytes.reduce((sum, each) => sum + each, 0) / 1_000;
  console.log(`= viewer: ${kilobytes.toFixed(1)} KB gzipped (limit ${mostKilobytes})`);
  if (kilobytes > mostKilobytes)
    throw new Error(
      `The viewer has ${kilobytes.toFixed(1)} KB gzipped. Leave something out: the limit is ${mostKilobytes}.`,
    );
}
