import { readFileSync } from "node:fs";
import { posix } from "node:path";
import manifest from "../../package.json" with { type: "json" };

const guide = "docs/guide";

/** Writes the index for readers that are programs: every page of the guide's tables, as a Markdown file of the package. */
export function llmsPage(): string {
  const [, ...sections] = readFileSync(posix.join(guide, "README.md"), "utf8").split(/^## /m);
  const listed = sections.map((section) => {
    const [title = ""] = section.split("\n", 1);
    return `## ${title}\n\n${rowsOf(section).join("\n")}\n`;
  });
  const reference = ["api", "options", "events", "errors"].map(
    (name) => `- [${titleOf(`docs/reference/${name}.md`)}](docs/reference/${name}.md)`,
  );
  const start = "Every link leads to a Markdown file of this package.";
  const parts = [`# ${manifest.name}\n`, `> ${manifest.description}\n`, `${start}\n`, ...listed];
  return [...parts, `## Reference\n\n${reference.join("\n")}\n- [Programs that run](examples/README.md)\n`].join("\n");
}

/** Rows of a table as a list: the page, and what a reader wants of it. */
function rowsOf(section: string): string[] {
  return section.split("\n").flatMap((line) => {
    const [, question, title, target = ""] = /^\| (.+?) \| \[(.+?)\]\((.+?)\) \|$/.exec(line) ?? [];
    return title === undefined ? [] : [`- [${title}](${posix.join(guide, target)}): ${question}`];
  });
}

function titleOf(path: string): string {
  return /^# (.+)$/m.exec(readFileSync(path, "utf8"))?.[1] ?? path;
}
