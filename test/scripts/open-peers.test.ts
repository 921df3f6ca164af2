import { expect, test } from "vitest";
import { findOpenPeers } from "../../scripts/rules/open-peers.ts";

test("finds no peer of the package without an upper bound", () => {
  expect(findOpenPeers()).toEqual([]);
});

test.each([">=3", ">3.1", "*", "", "latest", "^3 || >=5"])("refuses the peer range %s", (range) => {
  expect(findOpenPeers({ pg: range })).toEqual([expect.stringContaining("pg")]);
});

test.each(["^8.11.0", ">=3 <5", "~2.1", "3.0.1", "3.x", "^3 || ^4"])("takes the peer range %s", (range) => {
  expect(findOpenPeers({ pg: range })).toEqual([]);
});
