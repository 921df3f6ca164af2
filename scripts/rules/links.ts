import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A folder that a later step writes. */
const madeLater = "docs/reference/api";

/** Folders whose README lists every page. */
const listed = ["docs/decisions", "docs/guide"];

/** Pages that their folder's README does not list. */
export function findUnlistedPages(): string[] {
  return listed.flatMap((folder) => {
    const index = readFileSync(join(folder, "README.md"), "utf8");
    const pages = readdirSync(folder).filter((page) => page !== "README.md" && !index.includes(`(${page})`));
    return pages.map((page) => `${folder}/${page}: ${folder}/README.md does not list it`);
  });
}

/** Relative links of Markdown pages that lead nowhere. */
export function findDeadLinks(): string[] {
  const pages = execFileSync("git", ["ls-files", "-z", "*.md"], { encoding: "utf8" }).split("\0");
  return pages.filter((page) => page !== "" && existsSync(page)).flatMap((page) => deadLinksIn(page));
}

/** Relative links of one page that lead nowhere in `root`. */
export function deadLinksIn(page: string, root = "."): string[] {
  const text = readFileSync(join(root, page), "utf8").replaceAll(/^```.*?^```/gms, "");
  return [...text.matchAll(/\]\((?!\w+:)([^)#\s]+)(?:#[^)]*)?\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => {
      const path = join(dirname(page), target);
      return !existsSync(join(root, path)) && !path.startsWith(madeLater);
    })
    .map((target) => `${page}: the link to ${target} leads nowhere`);
}
