import { describe, expect, test } from "vitest";
import { owed } from "./owed.ts";
import { type Row, readRows } from "./rows.ts";
import { faultsOf } from "./run-row.ts";

const rows = [...readRows("public-reports"), ...readRows("siblings")];

/** Rows by the thing that they show, as `owed` lists them. */
const byTopic = Map.groupBy(rows, ({ kind, topic }) => (topic ? `${kind}/${topic}` : kind));

describe.each([...byTopic])("answers of real servers: %s", (topic, ofTopic) => {
  const isOwed = ({ id }: Row) => owed[topic]?.includes(id) === true;

  test.each(ofTopic.filter((row) => !isOwed(row)))("$id ($server) comes out right", async (row) => {
    expect(await faultsOf(row)).toEqual([]);
  });

  // A row that holds by now has to leave the list.
  test.each(ofTopic.filter(isOwed))("$id ($server) is still owed", async (row) => {
    expect(await faultsOf(row)).not.toEqual([]);
  });
});

test("owes only rows that exist", () => {
  const ids = new Set(rows.map(({ id }) => id));
  expect(
    Object.values(owed)
      .flat()
      .filter((id) => !ids.has(id)),
  ).toEqual([]);
});
