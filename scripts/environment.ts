import { delimiter, resolve } from "node:path";

/** In which commands call the repository's own tools, and its pinned Node, by their names. */
export const environment: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${resolve("node_modules/.bin")}${delimiter}${process.env["PATH"]}`,
};
