import { resolve } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { findUnreadOptions } from "../../scripts/rules/unread-options.ts";

const declaration = `
  declare function declareOptions<E>(name: string, place: string, entries: E): { entries: E };
  const options = declareOptions("Options", "options", { k: 3, quiet: false });
  type Resolved = { [Name in keyof (typeof options)["entries"]]: (typeof options)["entries"][Name] };
  declare const resolved: Resolved;
`;

/** The names of the options that nothing reads in a program of one source file. */
function unreadIn(code: string): string[] {
  const path = resolve("src/example.ts");
  const host = ts.createCompilerHost({});
  const { getSourceFile } = host;
  host.getSourceFile = (file, languageVersion) =>
    file === path
      ? ts.createSourceFile(path, `${declaration}${code}`, languageVersion, true)
      : getSourceFile(file, languageVersion);
  const program = ts.createProgram([path], { strict: true, types: [], lib: ["lib.es5.d.ts"] }, host);
  return findUnreadOptions(program).map((fault) => /"(\w+)"/.exec(fault)?.[1] ?? fault);
}

test("an option that nothing reads is a fault", () => {
  expect(unreadIn("")).toEqual(["k", "quiet"]);
});

test.each([
  ["a property", "resolved.k; resolved.quiet;"],
  ["a string key", 'resolved["k"]; resolved["quiet"];'],
  ["a pattern", "const { k, quiet: silent } = resolved;"],
  ["a parameter's pattern", "function use({ k, quiet }: Resolved) {} use(resolved);"],
])("an option read through %s is read", (_way, code) => {
  expect(unreadIn(code)).toEqual([]);
});

test("an option that is handed on lives on under the type that takes it", () => {
  const taker = "interface Taken { k: number; quiet: boolean } declare function take(taken: Taken): number;";
  expect(unreadIn(`${taker} take(resolved);`)).toEqual(["k", "quiet"]);
  expect(unreadIn(`${taker} take({ ...resolved }); export const show = (taken: Taken) => taken.k;`)).toEqual(["quiet"]);
});

test("writing an option does not read it", () => {
  expect(unreadIn("const given: Partial<Resolved> = { k: 1, quiet: true };")).toEqual(["k", "quiet"]);
});
