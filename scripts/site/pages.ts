import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, extname, join, posix, relative } from "node:path";
import { outsideCode } from "../rules/links.ts";

/** A page of the site: its path there, and its Markdown. */
export interface Page {
  readonly path: string;
  readonly markdown: string;
}

const markdownFiles = [
  "{README,ARCHITECTURE,CHANGELOG,CONTRIBUTING,SECURITY}.md",
  "docs/**/*.md",
  "examples/**/*.md",
  "bench/data/README.md",
  "bench/data/same-answer/README.md",
];

const languages: Record<string, string> = { ".ts": "ts", ".yaml": "yaml", ".sh": "sh", ".mjs": "js" };

/** The pages of the repository, and one for each program and text that a page links to. */
export function sitePages(): readonly Page[] {
  const written = globSync(markdownFiles).map((path) => ({ path, text: readFileSync(path, "utf8") }));
  const sources = new Set(globSync("examples/*.{ts,yaml,sh}"));
  for (const { path, text } of written)
    for (const target of linkedFiles(path, text)) if (!target.endsWith(".md")) sources.add(target);
  return [
    ...written.map(({ path, text }) => ({ path: pagePath(path), markdown: toSite(path, text) })),
    ...[...sources].filter((path) => !isPicture(path)).map(sourcePage),
    { path: "docs/reference/index.md", markdown: referencePage(written) },
  ];
}

/** Pictures that a page shows. */
export const sitePictures = (): readonly string[] => globSync("docs/pictures/*.{png,svg}");

const isPicture = (path: string) => /\.(png|svg)$/.test(path);

/** READMEs are the pages of their folders, files that are no Markdown have pages that show them. */
function pagePath(path: string): string {
  const page = path.replace(/(^|\/)README\.md$/, "$1index.md");
  return page.endsWith(".md") || isPicture(page) ? page : `${page}.md`;
}

function linkedFiles(page: string, text: string): string[] {
  const targets = [...outsideCode(text).matchAll(link)].map(([, , target = ""]) => join(dirname(page), target));
  return targets.filter((target) => extname(target) !== "" || target === "LICENSE").filter(existsSync);
}

/** The target of a link to another file of the repository. */
const link = /(\]\()(?!\w+:|#)([^)#\s]+)/g;

/** Markdown as the site takes it: links lead to pages of the site, comments are left out. */
function toSite(page: string, text: string): string {
  return text
    .split(/(^```.*?^```|`[^`\n]+`)/gms)
    .map((part) => (part.startsWith("`") ? part : part.replaceAll(/<!--.*?-->\n?/gs, "").replaceAll(link, rewrite)))
    .join("");

  function rewrite(_: string, before: string, target: string): string {
    const isFolder = target.endsWith("/");
    const path = pagePath(posix.join(posix.dirname(page), isFolder ? `${target}README.md` : target));
    const way = posix.relative(posix.dirname(pagePath(page)), path);
    return `${before}${way.startsWith(".") ? way : `./${way}`}`;
  }
}

function sourcePage(path: string): Page {
  const fence = `\`\`\`\`${languages[extname(path)] ?? "text"}`;
  const markdown = `# ${path}\n\n${fence}\n${readFileSync(path, "utf8").trimEnd()}\n\`\`\`\`\n`;
  return { path: pagePath(path), markdown };
}

function referencePage(written: readonly { path: string; text: string }[]): string {
  const rows = written
    .filter(({ path }) => path.startsWith("docs/reference/"))
    .map(({ path, text }) => `- [${titleOf(text)}](./${relative("docs/reference", pagePath(path))})`);
  return `# Reference\n\nFrom the code: what each entry point exports, and every option, event and error.\n\n${rows.join("\n")}\n`;
}

/** The first heading of a page. */
export function titleOf(markdown: string): string {
  return (/^# (.+)$/m.exec(outsideCode(markdown))?.[1] ?? "Untitled").replaceAll("`", "");
}
