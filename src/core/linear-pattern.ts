import { RE2JS } from "re2js";
import { messageOf } from "./errors.ts";

/**
 * Returns true where a pattern is found in a text, in time linear in the text: patterns come from developers, texts from users, and
 * a backtracking engine can be made to stop the process. The engine is 263 KB and takes 8 ms to load: the root
 * loads it with the first tool that asks a model.
 *
 * @param pattern in RE2 syntax: that of JavaScript without back-references and look-around
 * @throws Error that says what may stand there, where the pattern has a fault or cannot be matched in linear time
 */
export function compileLinearPattern(pattern: string): (text: string) => boolean {
  try {
    const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern));
    return (text) => compiled.test(text);
  } catch (error) {
    const fault = messageOf(error).replace("error parsing regexp: ", "");
    throw new Error(`a pattern of RE2 syntax, without back-references and look-around (${fault})`, { cause: error });
  }
}
