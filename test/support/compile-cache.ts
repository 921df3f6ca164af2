import { resolve } from "node:path";

/** Lets the commands that tests start keep what they compiled: the sources are stripped of types once a change, not once a process. */
export default function setup(): void {
  process.env["NODE_COMPILE_CACHE"] ??= resolve("node_modules/.cache/compiled");
}
