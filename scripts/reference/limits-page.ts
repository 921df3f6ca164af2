import { deepestTree } from "../../src/core/canonical.ts";
import { deepestAlignment } from "../../src/evidence/internal/list-alignment.ts";
import { mostJudgedEach } from "../../src/evidence/internal/stopping/watched-answers.ts";
import { longestFolded } from "../../src/evidence/internal/text/normal-form.ts";
import { mostMeasured } from "../../src/evidence/summary.ts";
import { outputCeiling } from "../../src/provider/transport.ts";
import { largestSchema } from "../../src/schema/fetch-schema.ts";
import { largestAnswer } from "../../src/schema/read-answer.ts";
import { longestJudgedText, mostJudgedGroups } from "../../src/tool/bundle/answer-judge.ts";
import { tableOf } from "./table.ts";

const preface = `# Limits

Answers come from models, so nothing about their size is certain. This page says how much of what is taken, and what happens
beyond that. The numbers are those of the code.`;

const sizes = `## What has no limit

The number of replicates, of fields and of items in a list is not limited. The work grows with their number, and is done in slices:
the event loop turns in between, so that other requests are served and signals are heard.
[What a summary costs](../measured/summary.md) measures the longest turn of 10,000 answers, of 20,000 fields, of lists of 20,000
items and of texts of a million characters. [Reading hostile answers](../measured/extraction.md) is measured with 1 MiB.

A summary of more than about 100,000 fields is one object with as many members, and reading the names of those is a single step
of the engine: such a turn can take longer than 50 ms.

What your own code does is not in slices: a check of a schema of yours, a \`similarity\`, a listener.`;

/** `docs/guide/limits.md`: each limit as the code has it, and what happens beyond it. */
export function limitsPage(): string {
  const rows = [
    [
      "bytes of an answer that is asked for without `maxOutputTokens`",
      mebibytes(outputCeiling(undefined)),
      "the call ends, its connection is closed, and what was read is counted",
    ],
    [
      "bytes of an answer that is asked for with `maxOutputTokens`",
      `${kibibytes(outputCeiling(0))} and ${outputCeiling(1) - outputCeiling(0)} for each token`,
      "the same",
    ],
    ["bytes of an answer that a schema reads", mebibytes(largestAnswer), "`invalid_output`, which names both numbers"],
    ["levels of an answer", counted(deepestTree), "`invalid_output`: the answer has no JSON form"],
    ["bytes of a schema that is loaded from an address", mebibytes(largestSchema), "the run is refused"],
    [
      "replicates with a distance of every two",
      counted(mostMeasured),
      "`pairwiseDistance` is `null`; all else is computed",
    ],
    [
      "answers with lists, a tolerance or a similarity that a stopping rule judges one by one",
      counted(mostJudgedEach),
      "it judges after each sixteenth more, and after the last",
    ],
    [
      "lists inside lists whose items meet by content",
      `${deepestAlignment} levels`,
      "lists further inside are compared by position",
    ],
    [
      "characters of a text whose wording is folded",
      counted(longestFolded),
      "longer texts are one answer only if they are equal but for spaces",
    ],
    ["characters of a text that a judge is shown", counted(longestJudgedText), "the text stays an answer of its own"],
    [
      "different texts of a field that a judge is shown",
      counted(mostJudgedGroups),
      "the judge is not asked again for the bundle, and a warning says why",
    ],
  ];
  return `${[preface, tableOf(["of what", "limit", "beyond it"], rows), sizes].join("\n\n")}\n`;
}

function mebibytes(bytes: number): string {
  return `${bytes / 2 ** 20} MiB`;
}

function kibibytes(bytes: number): string {
  return `${bytes / 2 ** 10} KiB`;
}

function counted(number: number): string {
  return number.toLocaleString("en");
}
