import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/** A path of one machine: home and work folders, which nobody else has. */
const machinePath = /(?<![\w.:/-])\/(?:work|tmp|root|home|Users)\/[A-Za-z][\w./-]*/;

/** Paths of somebody's machine in what is committed. */
export function findMachinePaths(): string[] {
  const files = execFileSync("git", ["ls-files", "-z"], { encoding: "utf8", maxBuffer: 2 ** 26 }).split("\0");
  return files.filter((file) => file !== "" && file !== "package-lock.json" && existsSync(file)).flatMap(pathsIn);
}

function pathsIn(file: string): string[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line, index) => {
      const found = machinePath.exec(line);
      return found ? [`${file}:${index + 1}: ${found[0]} is a path of one machine`] : [];
    });
}
