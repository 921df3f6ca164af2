import { globSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";

/** Links and pictures of a built site that lead to no file of it, or to no heading of a page. Links to other sites are not followed. */
export function deadLinksOf(site: string): { readonly checked: number; readonly dead: readonly string[] } {
  const pages = new Map(
    globSync("**/*.html", { cwd: site }).map((path) => [path, readFileSync(join(site, path), "utf8")]),
  );
  const ids = new Map([...pages].map(([path, html]) => [path, new Set(attributes(html, "id"))]));
  const dead = new Set<string>();
  let checked = 0;
  for (const [path, html] of pages) {
    for (const target of attributes(html, "href|src").filter((one) => !/^(\w+:|\/\/)/.test(one))) {
      checked++;
      const [file = "", anchor = ""] = decodeURI(target).split("#", 2);
      const place = file === "" ? path : fileOf(posix.join(file.startsWith("/") ? "" : posix.dirname(path), file));
      if (place === undefined) dead.add(`${path}: the link to ${target} leads nowhere`);
      else if (anchor !== "" && ids.get(place)?.has(anchor) !== true)
        dead.add(`${path}: the link to ${target} leads to no heading`);
    }
  }
  return { checked, dead: [...dead] };

  function fileOf(path: string): string | undefined {
    const wanted = path.replace(/^\//, "");
    const isFile = (candidate: string) => statSync(join(site, candidate), { throwIfNoEntry: false })?.isFile();
    return [wanted, `${wanted}.html`, posix.join(wanted, "index.html")].find(isFile);
  }
}

function attributes(html: string, name: string): string[] {
  return [...html.matchAll(new RegExp(` (?:${name})="([^"]+)"`, "g"))].map(([, value = ""]) => value);
}
