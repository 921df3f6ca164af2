import { spawn } from "node:child_process";
import {
  closeSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { CommandError, fileFault } from "../faults.ts";
import type { Terminal } from "../progress/terminal.ts";

/** Marks a page as ours. */
export const generator = '<meta name="generator" content="steer view">';

/** Flags of the commands that write a page. */
export interface PageFlags {
  /** The page; `true` names it after the file that it shows. */
  readonly html?: string | true;
  readonly open?: true;
  readonly force?: true;
}

/**
 * Writes a page where the flags want it, opens it where they say so, and tells where it is.
 *
 * @param shown.subject what the page shows, for people
 * @param shown.file where that was read from
 * @param shown.named path of a page without a name; without it, such a page goes to a folder of its own
 * @throws CommandError where it cannot be written, or another file stands there
 */
export async function publishPage(
  page: string,
  { html, open, force }: PageFlags,
  { subject, file, named }: { readonly subject: string; readonly file: string; readonly named?: string },
  terminal: Terminal,
): Promise<void> {
  const path = typeof html === "string" ? html : ((html && named) ?? join(privateFolder(), "page.html"));
  if (isSameFile(path, file)) throw new CommandError(`${path} is what the page shows. Give the page another name.`);
  writePage(path, page, force ?? false);
  terminal.write(`${path} shows ${subject}. It needs no network.\n`);
  if (!open || (await openInBrowser(resolve(path)))) return;
  process.stderr.write(`No program for pages was found here. Open ${path} in a browser.\n`);
}

function isSameFile(path: string, other: string): boolean {
  const [one, two] = [path, other].map((name) => statSync(name, { throwIfNoEntry: false }));
  return one !== undefined && one.ino === two?.ino && one.dev === two.dev;
}

/** Writes a page aside, and puts it in place in one step. A file that is not a page of ours is left alone without `force`. */
function writePage(path: string, page: string, force: boolean): void {
  if (!force && !mayReplace(path))
    throw new CommandError(`${path} was not written by steer, and is left alone. Give --force to overwrite it.`);
  const aside = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(aside, page, { flag: "wx", mode: 0o600 });
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw fileFault(path, error, "written");
  }
}

/** True where nothing is there, and for a page of ours; a link may lead anywhere. */
function mayReplace(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return true;
  if (!found.isFile()) return false;
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(1_024);
    return head.toString("utf8", 0, readSync(file, head, 0, head.length, 0)).includes(generator);
  } finally {
    closeSync(file);
  }
}

/** Other users of the machine cannot look into it. */
function privateFolder(): string {
  return mkdtempSync(join(tmpdir(), "steer-"));
}

const openers: Partial<Record<NodeJS.Platform, readonly [program: string, ...parameters: string[]]>> = {
  darwin: ["open"],
  win32: ["explorer.exe"],
};

/** Hands a page to the program that shows pages; false where there is none. */
function openInBrowser(path: string): Promise<boolean> {
  const [program, ...parameters] = openers[process.platform] ?? ["xdg-open"];
  return new Promise((settle) => {
    const opener = spawn(program, [...parameters, path], { stdio: "ignore", detached: true });
    opener.once("error", () => settle(false)).once("spawn", () => settle(true));
    opener.unref();
  });
}
