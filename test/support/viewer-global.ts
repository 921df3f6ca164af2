import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { buildViewer } from "../../scripts/build-viewer.ts";

/** Builds the viewer for the tests that open it, where a source is newer than what was built. */
export default async function setup(): Promise<void> {
  const built = statSync("dist/viewer/viewer.js", { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (["viewer", "src"].some((folder) => newestIn(folder) > built)) await buildViewer();
}

function newestIn(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Math.max(...files.map(({ parentPath, name }) => statSync(join(parentPath, name)).mtimeMs));
}
