import { createRequire } from "node:module";
import { messageOf } from "./errors.ts";

const require = createRequire(import.meta.url);

/**
 * Returns true where a pattern is found in a text, in time linear in the text: patterns come from developers, texts from users, and
 * a backtracking engine can be made to stop the process. The engine (263 KB, 8 ms) is loaded with the first pattern.
 *
 * @param pattern in RE2 syntax: that of JavaScript without back-references and look-around
 * @throws Error that says what may stand there, where the pattern has a fault or cannot be matched in linear time
 */
export function compileLinearPattern(pattern: string): (text: string) => boolean {
  const { RE2JS } = require("re2js") as typeof import("re2js");
  try {
    const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern));
    return (text) => compiled.test(text);
  } catch (error) {
    const fault = messageOf(error).replace("error parsing regexp: ", "");
    throw new Error(`a pattern of RE2 syntax, without back-references and look-around (${fault})`, { cause: error });
  }
}
