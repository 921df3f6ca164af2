import { describe, expect, test } from "vitest";
import { readRows } from "./rows.ts";
import { faultsOf } from "./run-row.ts";

const rows = [...readRows("public-reports"), ...readRows("siblings")];
const byTopic = Map.groupBy(rows, ({ kind, topic }) => (topic ? `${kind}/${topic}` : kind));

describe.each([...byTopic])("answers of real servers: %s", (_, ofTopic) => {
  test.each(ofTopic)("$id ($server) comes out right", async (row) => {
    expect(await faultsOf(row)).toEqual([]);
  });
});
