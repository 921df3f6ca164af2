import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { anchorsOf } from "./anchors.ts";

/** A folder that a later step writes. */
const madeLater = "docs/reference/api";

/** Folders whose README lists every page. */
const listed = ["docs/decisions", "docs/guide"];

/** Places outside that pages may link to. The package has no address of its own yet, and none is invented. */
const knownPlaces = [
  "https://api-extractor.com/",
  "https://arize.com/docs/phoenix/",
  "https://github.com/open-telemetry/semantic-conventions-genai",
  "https://html.spec.whatwg.org/multipage/",
  "https://langfuse.com/",
  "https://nodejs.org",
  "https://semver.org/",
  "https://www.npmjs.com/package/",
];

/** Pages that their folder's README does not list. */
export function findUnlistedPages(): string[] {
  return listed.flatMap((folder) => {
    const index = readFileSync(join(folder, "README.md"), "utf8");
    const pages = readdirSync(folder).filter((page) => page !== "README.md" && !index.includes(`(${page})`));
    return pages.map((page) => `${folder}/${page}: ${folder}/README.md does not list it`);
  });
}

/** Links of Markdown pages that lead nowhere. */
export function findDeadLinks(): string[] {
  const pages = execFileSync("git", ["ls-files", "-z", "*.md", "llms.txt"], { encoding: "utf8" }).split("\0");
  return pages.filter((page) => page !== "" && existsSync(page)).flatMap((page) => deadLinksIn(page));
}

/** Links of one page that lead to no file in `root`, to no heading of a page, or to a place outside that is not known. */
export function deadLinksIn(page: string, root = "."): string[] {
  const targets = linksIn(readFileSync(join(root, page), "utf8"));
  return targets.flatMap((target) => {
    if (/^\w+:/.test(target)) {
      if (knownPlaces.some((place) => target.startsWith(place))) return [];
      return [`${page}: the link to ${target} leads to a place that scripts/rules/links.ts does not know`];
    }
    const [file = "", anchor] = target.split("#", 2);
    const path = file === "" ? page : join(dirname(page), file);
    if (path.startsWith(madeLater)) return [];
    if (!existsSync(join(root, path))) return [`${page}: the link to ${target} leads nowhere`];
    if (anchor === undefined || !path.endsWith(".md")) return [];
    const headings = anchorsOf(readFileSync(join(root, path), "utf8"));
    return headings.has(anchor) ? [] : [`${page}: the link to ${target} leads to no heading of ${path}`];
  });
}

/** Targets of a page's links and pictures: written in place, defined below the text, in angle brackets, or as HTML. */
function linksIn(markdown: string): string[] {
  const text = outsideCode(markdown);
  const forms = [/\]\(([^)\s]+)[^)]*\)/g, /^\[[^\]]+\]: +(\S+)/gm, /<(https?:[^>]+)>/g, /(?:href|src)="([^"]+)"/g];
  return forms.flatMap((form) => [...text.matchAll(form)].map(([, target = ""]) => target));
}

/** A page without its code. */
export function outsideCode(markdown: string): string {
  return markdown.replaceAll(/^(`{3,}).*?^\1/gms, "").replaceAll(/`[^`\n]+`/g, "");
}
