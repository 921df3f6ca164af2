import { expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { steer } from "./steer.ts";

/** Runs `steer` in a process that says it is another version of Node. */
const onNode = (version: string) => {
  const code = `Object.defineProperty(process,"versions",{value:{...process.versions,node:"${version}"}})`;
  return steer(["--version"], { env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` } });
};

test.each(["20.20.1", "22.17.9", "18.0.0"])(
  "on Node %s, steer says which Node it needs and does nothing else",
  async (version) => {
    const oldest = manifest.engines.node.replace(">=", "");
    expect(await onNode(version)).toMatchObject({
      code: 2,
      stdout: "",
      stderr: `steer-llm-sdk needs Node ${oldest} or newer, this is ${version}.\n`,
    });
  },
);

test.each(["22.18.0", "24.0.0"])("on Node %s, steer runs", async (version) => {
  expect(await onNode(version)).toMatchObject({ code: 0, stdout: `${manifest.version}\n` });
});
