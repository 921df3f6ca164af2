import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { deadLinksIn } from "../../scripts/rules/links.ts";
import { deadLinksOf } from "../../scripts/site/dead-links.ts";

test.each([
  "[a](b.md)",
  "[a](b.md#two-words)",
  "[a](b.md#two-words-1)",
  "[a](#here)",
  "[a](../page/)",
  "`[a](gone.md)`",
  "```md\n[a](gone.md)\n```",
  "[a](https://nodejs.org)",
])("takes %j in a page", (text) => {
  using folder = folderOf({ "page/a.md": `# Here\n\n${text}\n`, "page/b.md": "## Two words\n\n## `Two` words\n" });
  expect(deadLinksIn("page/a.md", folder.path)).toEqual([]);
});

test.each([
  ["[a](gone.md)", "leads nowhere"],
  ["![a](gone.png)", "leads nowhere"],
  ["[a]: gone.md", "leads nowhere"],
  ['<img src="gone.png">', "leads nowhere"],
  ["[a](b.md#gone)", "leads to no heading of page/b.md"],
  ["[a](#gone)", "leads to no heading of page/a.md"],
  ["[a](https://example.com/repository)", "does not know"],
  ["<https://example.com/repository>", "does not know"],
])("names %j in a page", (text, fault) => {
  using folder = folderOf({ "page/a.md": `# Here\n\n${text}\n`, "page/b.md": "# B\n" });
  expect(deadLinksIn("page/a.md", folder.path)).toEqual([expect.stringContaining(fault)]);
});

test("names the links of a built site that lead to no page or heading", () => {
  using folder = folderOf({
    "index.html":
      '<a href="/guide/">1</a> <a href="/guide/a">2</a> <a href="./guide/a.html#there">3</a> <img src="/a.png">',
    "guide/index.html":
      '<a href="../index.html">1</a> <a href="/guide/gone.html">2</a> <a href="https://nodejs.org">3</a>',
    "guide/a.html": '<h2 id="there"></h2> <a href="#there">1</a> <a href="#gone">2</a>',
  });
  const { checked, dead } = deadLinksOf(folder.path);
  expect(checked).toBe(8);
  expect(dead.toSorted()).toEqual([
    "guide/a.html: the link to #gone leads to no heading",
    "guide/index.html: the link to /guide/gone.html leads nowhere",
    "index.html: the link to /a.png leads nowhere",
  ]);
});

function folderOf(files: Record<string, string>): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "steer-links-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}
