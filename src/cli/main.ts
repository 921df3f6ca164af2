#!/usr/bin/env node

// Loads on any Node with ESM: all else is imported once the version is known to be new enough.

/** Oldest Node that this package runs on: `engines` of package.json. */
const oldest = "22.18";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const [oldestMajor = 0, oldestMinor = 0] = oldest.split(".").map(Number);

if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
  process.stderr.write(`steer-llm-sdk needs Node ${oldest} or newer, this is ${process.versions.node}.\n`);
  process.exitCode = 2;
} else {
  const { runCommand } = await import("./run-command.ts");
  await runCommand();
}

export {};
