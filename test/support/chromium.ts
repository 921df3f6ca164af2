import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome"];

/** A test's browser asks nobody anything, and needs no sandbox of its own. */
const quietly = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Where the system's Chromium is; `undefined`, and a line that says so, where there is none and this is not CI. */
export const chromiumPath = findChromium();

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath as string, args: quietly });
}

function findChromium(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isProgram);
  if (found) return found;
  const missing = `No Chromium on this machine (${names.join(", ")}; Debian: apt-get install chromium)`;
  if (process.env["CI"] === "true") throw new Error(`${missing}: in CI nothing is skipped.`);
  console.warn(`${missing}: the tests that need it are skipped.`);
  return undefined;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
