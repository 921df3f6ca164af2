/**
 * Builds the site of the docs, with search, from the pages of the repository: `npm run docs:site`. They are copied to `.site/`
 * with links that lead to pages, and VitePress makes `.site/.vitepress/dist` of them. Fails where a link of the built site leads to
 * no page, file or heading.
 */
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { build } from "vitepress";
import { deadLinksOf } from "./site/dead-links.ts";
import { type Page, sitePages, sitePictures, titleOf } from "./site/pages.ts";

const root = ".site";
const built = join(root, ".vitepress/dist");

rmSync(root, { recursive: true, force: true });
if (!existsSync("docs/reference/api"))
  throw new Error("docs/reference/api is missing: run npm run docs:site, which writes it.");
const pages = sitePages();
for (const { path, markdown } of pages) write(path, markdown);
for (const picture of sitePictures()) cpSync(picture, join(root, picture));
write(".vitepress/config.ts", readFileSync("scripts/site/config.ts", "utf8"));
write(".vitepress/sidebar.json", JSON.stringify(sidebarOf(pages)));
await build(root);

const { checked, dead } = deadLinksOf(built);
for (const fault of dead) console.error(fault);
console.log(
  `= ${globSync("**/*.html", { cwd: built }).length} pages in ${built}, ${checked} links, ${dead.length} of them dead`,
);
process.exitCode = dead.length > 0 ? 1 : 0;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** All pages, by what a reader looks for; the guide in the order of its own table. */
function sidebarOf(pages: readonly Page[]) {
  const guide = pages.find(({ path }) => path === "docs/guide/index.md")?.markdown ?? "";
  const place = (path: string) => guide.indexOf(`(./${posix.basename(path)})`);
  const items = (folder: string) =>
    pages
      .filter(({ path }) => posix.dirname(path) === folder && posix.basename(path) !== "index.md")
      .map(({ path, markdown }) => ({
        text: titleOf(markdown),
        link: `/${path.replace(/\.md$/, "")}`,
        place: place(path),
      }))
      .toSorted((a, b) => a.place - b.place || a.text.localeCompare(b.text));
  const group = (text: string, folder: string, more: object[] = []) => {
    const link = pages.some(({ path }) => path === `${folder}/index.md`) ? `/${folder}/` : undefined;
    return { text, link, collapsed: text !== "Guide", items: [...items(folder), ...more] };
  };
  const api = {
    text: "API",
    link: "/docs/reference/api/",
    collapsed: true,
    items: [...items("docs/reference/api"), ...items("docs/reference/api/stores")],
  };
  return [
    group("Guide", "docs/guide"),
    group("Reference", "docs/reference", [api]),
    group("Evidence and performance", "docs"),
    group("Examples", "examples"),
    group("Measured", "docs/measured"),
    group("Decisions", "docs/decisions"),
    group("Project", "."),
  ];
}
