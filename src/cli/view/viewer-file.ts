import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { messageOf } from "../../core/errors.ts";
import { packageRoot } from "../../core/package-root.ts";
import { CommandError } from "../faults.ts";
import { cut } from "../progress/format.ts";
import { generator } from "./page-file.ts";
import type { ReviewData, RunDetail, ViewerPage } from "./viewer-data.ts";

const longestTitle = 200;

/**
 * Returns the viewer as one file that needs nothing else. The data are compressed parts in elements that a browser neither
 * runs nor lays out; the policy allows the viewer's own script and style by their hashes, and no request.
 *
 * @param details parts as {@link packed} makes them, by the id of their row
 * @param text the same for readers without scripts
 * @throws CommandError where the viewer was not built
 */
export function renderViewer(page: ViewerPage, details: ReadonlyMap<string, string>, text: string): string {
  const script = built("viewer.js").replaceAll("</script", "<\\/script");
  const style = built("viewer.css");
  const { review, ...rest } = page;
  const parts: (readonly [name: string, part: string])[] = [
    ["page", packed(rest)],
    ...(review ? [["review", packed(review)] as const] : []),
    ...[...details].map(([id, part]) => [`run ${id}`, part] as const),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
${generator}
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src '${hashOf(script)}'; style-src '${hashOf(style)}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(cut(page.title, longestTitle))}</title>
<style>${style}</style>
</head>
<body>
<div id="viewer"></div>
<noscript><pre>${escapeHtml(text)}</pre></noscript>
${parts.map(([name, part]) => `<script type="text/plain" data-part="${escapeHtml(name)}">${part}</script>`).join("\n")}
<script type="module">${script}</script>
</body>
</html>
`;
}

/** Compresses a part of the data to text that no element ends. */
export function packed(data: Omit<ViewerPage, "review"> | ReviewData | RunDetail): string {
  return gzipSync(JSON.stringify(data)).toString("base64");
}

function built(name: string): string {
  try {
    return readFileSync(join(packageRoot(), "dist/viewer", name), "utf8");
  } catch (error) {
    throw new CommandError(`The viewer is not built: ${messageOf(error)}. Run npm run build.`, { cause: error });
  }
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escapeHtml(text: string): string {
  return text.toWellFormed().replace(/[&<>"]/g, (character) => entities[character] as string);
}
